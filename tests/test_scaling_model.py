"""docs/scaling.md shows what benchmarks/scaling_model.py prints, and its formulas keep the laws of rings."""

import pytest
from doc_blocks import ROOT, blocks

from benchmarks import scaling_model
from benchmarks.scaling_model import HARDWARE, Sizes, all_reduce, all_to_all, break_even, step

PAGE = ROOT / "docs" / "scaling.md"
SIZES = Sizes(experts=10**9, others=3 * 10**7, flops=1e8, mixtures=2, sent=3072)
H100 = HARDWARE[0]


def test_the_page_shows_what_the_program_prints():
    printed = scaling_model.tables(scaling_model.count()).split("\n\n")
    shown = [block.text.strip("\n") for block in blocks(PAGE) if block.language == "text"]
    assert [part.strip("\n") for part in printed if part.strip("\n") not in shown] == []


def test_one_device_sends_nothing():
    one = step(SIZES, H100, 1, 4096)
    assert one.reduce == one.exchange == 0 and one.whole == one.overlapped == pytest.approx(one.compute + one.update)


@pytest.mark.parametrize("devices", [2, 4, 8])
def test_a_ring_sends_nearly_twice_the_bytes_whatever_the_number_of_devices(devices):
    size, hardware = 4e9, H100._replace(latency=0.0)
    ring = all_reduce(size, devices, hardware) * hardware.link * hardware.link_share
    assert ring == pytest.approx(2 * (devices - 1) / devices * size)
    exchanged = all_to_all(size, devices, hardware) * hardware.link * hardware.link_share
    assert exchanged == pytest.approx((devices - 1) / devices * size)


@pytest.mark.parametrize("devices", [2, 8])
def test_at_break_even_both_ways_send_the_same(devices):
    hardware, tokens = H100._replace(latency=0.0), break_even(SIZES)
    everything, sharded = (step(SIZES, hardware, devices, tokens, group) for group in (1, devices))
    assert everything.reduce == pytest.approx(sharded.reduce + sharded.exchange)


def test_more_devices_never_make_sums_cheaper_and_sharding_makes_updates_cheaper():
    steps = [step(SIZES, H100, devices, 4096) for devices in scaling_model.DEVICES]
    assert [s.reduce for s in steps] == sorted(s.reduce for s in steps)
    assert len({s.update for s in steps}) == 1
    updates = [step(SIZES, H100, devices, 4096, devices).update for devices in scaling_model.DEVICES]
    assert updates == sorted(updates, reverse=True) and updates[-1] < updates[0] / 10
