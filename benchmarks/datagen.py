"""t2t-datagen, from the start of its process to the end: time, samples a second, memory of all its processes together.

`python -m benchmarks.datagen [--cases ...] [--processes 2]`. Sources are synthetic files in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psutil

from benchmarks.measure import Work, chosen, emit, measure, note
from benchmarks.synthetic_samples import jpeg, sentences, sound
from t2t_mm.data.audio import wav_bytes
from t2t_mm.data.subword_training import train_subwords

ROOT = Path(__file__).parents[1]
PAIRS, LINES = 52_000, 1_000_000
VOCABULARY = 8192
BLOCK = 50_000  # different lines in a file of sentences


def write_pairs(folder: Path, pairs: int) -> int:
    """pairs.tsv; returns how many sentences it has."""
    sides = [sentences(pairs, seed=seed) for seed in (1, 2)]
    (folder / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in zip(*sides, strict=True)), encoding="utf-8")
    return 2 * pairs


def write_lines(folder: Path, lines: int) -> int:
    """lines.txt: BLOCK lines over and over."""
    block = [f"{line}\n" for line in sentences(min(lines, BLOCK), seed=3)]
    with open(folder / "lines.txt", "w", encoding="utf-8") as file:
        for start in range(0, lines, BLOCK):
            file.writelines(block[:lines - start])
    return lines


def write_pictures(folder: Path, number: int) -> int:
    for index in range(number):
        (folder / f"{index}.jpg").write_bytes(jpeg(375, 500, index))
    return number


def write_photographs(folder: Path, number: int) -> int:
    """Ten folders of classes."""
    for index in range(number):
        path = folder / "bench_photographs" / f"class{index % 10}" / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(375, 500, index))
    return number


def write_captions(folder: Path, number: int) -> int:
    """Pictures and COCO's JSON; returns how many captions there are, five a picture."""
    place = folder / "bench_captions" / "images"
    place.mkdir(parents=True)
    for index in range(number // 5):
        (place / f"{index}.jpg").write_bytes(jpeg(480, 640, index))
    captions = [{"image_id": index // 5, "caption": text} for index, text in enumerate(sentences(number, 11, seed=4))]
    pictures = [{"id": index, "file_name": f"{index}.jpg"} for index in range(number // 5)]
    (place.parent / "captions.json").write_text(json.dumps({"images": pictures, "annotations": captions[:number]}))
    return number


def write_sounds(folder: Path, number: int) -> int:
    for index in range(number):
        (folder / f"{index}.wav").write_bytes(wav_bytes(sound(3.0, 22_050, index) / 32767, 22_050))
    return number


def write_utterances(folder: Path, number: int) -> int:
    """LJSpeech's layout; sounds of 6.6 s, as long as LJSpeech's are on average."""
    place = folder / "bench_utterances" / "wavs"
    place.mkdir(parents=True)
    for index in range(number):
        (place / f"{index}.wav").write_bytes(wav_bytes(sound(6.6, 22_050, index) / 32767, 22_050))
    lines = (f"{index}|{text}\n" for index, text in enumerate(sentences(number, 17, seed=5)))
    (place.parent / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    return number


# case: (problem, writes its files, how many samples, whether its vocabulary is there already)
CASES = {
    "pairs_with_vocabulary": ("bench_pairs", write_pairs, PAIRS, False),
    "pairs": ("bench_pairs", write_pairs, 5 * PAIRS, True),
    "lines": ("bench_lines", write_lines, LINES, True),
    "lines_with_vocabulary": ("bench_lines", write_lines, LINES, False),
    "pictures_224": ("bench_pictures", write_pictures, 1000, True),
    "photographs_256": ("bench_photographs", write_photographs, 1000, True),
    "captions_256": ("bench_captions", write_captions, 2500, True),
    "utterances_7_seconds": ("bench_utterances", write_utterances, 600, True),
    "sounds_3_seconds": ("bench_sounds", write_sounds, 1000, True),
}
QUICK = {"pairs_with_vocabulary": 20_000}


class Peak(threading.Thread):
    """The most memory that a process and its children hold together, in bytes; sampled 20 times a second."""

    def __init__(self, process: int):
        super().__init__(daemon=True)
        self._process, self.bytes = psutil.Process(process), 0
        self.start()

    def run(self) -> None:
        try:
            while self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE:
                family = [self._process, *self._process.children(recursive=True)]
                self.bytes = max(self.bytes, sum(member.memory_info().rss for member in family))
                threading.Event().wait(0.05)
        except psutil.NoSuchProcess:
            pass


def generate(problem: str, folder: Path, processes: int) -> int:
    """Runs t2t-datagen; returns its peak of memory in bytes."""
    arguments = [f"--problem={problem}", f"--data_dir={folder / 'data'}", f"--tmp_dir={folder}", "--overwrite",
                 f"--t2t_usr_dir={ROOT / 'benchmarks' / 'file_problems.py'}", f"--vocabulary_size={VOCABULARY}",
                 f"--num_processes={processes}"]
    with subprocess.Popen([sys.executable, ROOT / "bin" / "t2t-datagen", *arguments], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as process:
        peak = Peak(process.pid)
        _, said = process.communicate()
    if process.returncode:
        raise SystemExit(said)
    return peak.bytes


def run(case: str, number: int, processes: int, repeats: int) -> None:
    """Writes the files of a case and times t2t-datagen on them."""
    problem, write, _, with_vocabulary = CASES[case]
    peaks = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples = write(folder, number)
        vocabulary = folder / "data" / "vocabularies" / "bench.subwords"
        vocabulary.parent.mkdir(parents=True)
        if with_vocabulary:
            train_subwords("bench", sentences(20_000), VOCABULARY).save(vocabulary)

        def work() -> None:
            if not with_vocabulary:
                vocabulary.unlink(missing_ok=True)
            peaks.append(generate(problem, folder, processes))

        line = measure(case, work, Work(samples), repeats, 0, processes=processes)
    emit({"case": f"{case}_memory", "samples": samples, "samples_per_min": round(60 * line["examples_per_s"]),
          "peak_mb": max(peaks) // 2**20})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[], help="words that their names contain; default: all")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--number", type=int, help="samples, where other than the case's own")
    parser.add_argument("--quick", action="store_true", help="fewer samples, once")
    arguments = parser.parse_args()
    for case in chosen(QUICK if arguments.quick else CASES, arguments.cases):
        note(f"{case} ...")
        number = arguments.number or (QUICK[case] if arguments.quick else CASES[case][2])
        run(case, number, arguments.processes, 1 if arguments.quick else arguments.repeats)


if __name__ == "__main__":
    main()
