"""The pages: results of pieces as Markdown tables, the mean over seeds and half the distance between the extremes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments import pieces
from experiments.piece import Piece
from t2t_mm.metrics.accuracy import accuracy

HERE = Path(__file__).parent


class Measure(NamedTuple):
    """What a problem's field measures: its key among the figures, how it is written, times what, with what digits."""

    key: str
    written: str
    factor: int
    digits: int


# by problem family
MEASURES = {"image": Measure("accuracy", "top-1 %", 100, 1), "translate": Measure("bleu", "BLEU", 1, 1),
            "caption": Measure("cider_d", "CIDEr-D", 1, 3), "speech": Measure("wer", "WER %", 100, 1),
            "parse": Measure("bracket_f1", "bracket F1", 1, 1)}
DIGITS = {"log_perplexity": 2, "accuracy": 1}


def write_tables() -> list[Path]:
    """Puts the tables of all results that exist between the marks of the pages; the pages that changed."""
    changed = []
    for name, table in TABLES.items():
        path = HERE / f"{name}.md"
        text = path.read_text(encoding="utf-8")
        before, rest = text.split("<!-- table -->\n")
        _, after = rest.split("<!-- end -->")
        new = f"{before}<!-- table -->\n{table()}\n{_pieces(pieces.PAGES[name])}\n<!-- end -->{after}"
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


def measure(piece: Piece, problem: str) -> dict[str, float] | None:
    """log_perplexity, accuracy (teacher-forced, %) and the measure of the field, of one piece; None: not run yet."""
    result = piece.result()
    if result is None or problem not in result["figures"]["problems"]:
        return None
    entry = result["figures"]["problems"][problem]
    forced, of_field = entry["teacher_forced"], _of_field(problem)
    return {"log_perplexity": forced["log_perplexity"], "accuracy": 100 * accuracy(forced),
            "measure": of_field.factor * entry["decoded"][of_field.key]}


def cell(of_seed: Callable[[int], Piece], problem: str, key: str) -> str:
    """"mean ± spread" of `measure` over the seeds that have been run."""
    return _cell([measured[key] for seed in pieces.SEEDS if (measured := measure(of_seed(seed), problem))],
                 DIGITS.get(key, _of_field(problem).digits))


def _cell(found: Sequence[float], digits: int) -> str:
    if not found:
        return "not run"
    spread = f" ± {(max(found) - min(found)) / 2:.{digits}f}" if len(found) > 1 else " (one seed)"
    return f"{sum(found) / len(found):.{digits}f}{spread}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _of_field(problem: str) -> Measure:
    return MEASURES[problem.split("_")[0]]


def _baselines() -> str:
    rows = []
    for piece in pieces.BASELINES:
        (problem,), measured, result = piece.problems, measure(piece, piece.problems[0]), piece.result()
        joint, of_field = cell(pieces.joint, problem, "measure"), _of_field(problem)
        precision = result["figures"].get("mixed_precision", "float32") if result else "float32"
        model = ", ".join([piece.model, piece.hparams_set, *[precision] * (precision != "float32")])
        rows.append((f"`{problem}`", model, f"{piece.steps:,}", of_field.written,
                     f"{measured['measure']:.{of_field.digits}f}" if measured else "not run", joint,
                     _minutes(result["seconds"]["train"]) if result else ""))
    header = ("problem", "model", "steps", "measure, test", "alone", "in the joint MultiModel", "training, min")
    return table(header, rows)


def _joint() -> str:
    rows = []
    for problem in pieces.EIGHT:
        single = lambda seed, name=problem: pieces.alone(name, seed)
        pairs = [cell(which, problem, key)
                 for key in ("log_perplexity", "accuracy", "measure") for which in (pieces.joint, single)]
        rows.append((f"`{problem}`", *pairs[:4], _of_field(problem).written, *pairs[4:]))
    header = ("problem", "log-perplexity: joint", "alone", "accuracy %: joint", "alone", "measure", "joint", "alone")
    return table(header, rows)


def _parsing() -> str:
    settings = {"alone": lambda seed: pieces.alone(pieces.PARSING, seed), "+ images": pieces.with_images,
                "+ all": pieces.joint}
    keys = ("log_perplexity", "accuracy", "measure")
    return table(("trained on", "log-perplexity", "token accuracy %", "bracket F1"), [
        (name, *(cell(of_seed, pieces.PARSING, key) for key in keys)) for name, of_seed in settings.items()])


def _blocks() -> str:
    settings = {"all blocks": None, "no experts": "no_experts", "no attention": "no_attention"}
    rows = []
    for name, block in settings.items():
        cells = []
        for problem in (pieces.IMAGES, pieces.GERMAN):
            of_seed = (lambda seed, p=problem: pieces.alone(p, seed)) if block is None else (
                lambda seed, p=problem, b=block: pieces.without(b, p, seed))
            cells += [cell(of_seed, problem, "accuracy"), cell(of_seed, problem, "measure")]
        rows.append((name, cells[0], cells[2], cells[3]))
    return table(("blocks", "images: top-1 %", "En→De: token accuracy %", "En→De: BLEU"), rows)


def _zero_shot() -> str:
    rows = []
    settings = {name: (lambda seed, v=name: pieces.zero_shot(v, seed)) for name in pieces.VARIANTS}
    for name, of_seed in {**settings, "supervised": pieces.supervised}.items():
        seen = [cell(of_seed, problem, "measure") for problem in pieces.TO_AND_FROM_ENGLISH]
        rows.append((name, *(cell(of_seed, problem, "measure") for problem in pieces.UNSEEN), *seen))
    pivots = [_cell([result["pivot_bleu"][problem] for seed in pieces.SEEDS
                     if (result := pieces.zero_shot("plain", seed).result())], 1) for problem in pieces.UNSEEN]
    rows.append(("plain, by way of English", *pivots, *[""] * len(pieces.TO_AND_FROM_ENGLISH)))
    names = ("En→De", "De→En", "En→Fr", "Fr→En")
    return table(("model", "De→Fr BLEU, never trained", "Fr→De", *names), rows)


def _mixing() -> str:
    rows = []
    for mixing in pieces.MIXINGS:
        of_seed = lambda seed, mixing=mixing: pieces.mixed(mixing, seed)
        measured = [[measure(of_seed(seed), problem) for problem in pieces.FOUR] for seed in pieces.SEEDS]
        means = [sum(one["log_perplexity"] for one in of_four) / len(of_four) for of_four in measured if all(of_four)]
        rows.append((f"`{mixing}`", _cell(means, 3), *(cell(of_seed, problem, key) for problem in pieces.FOUR
                                                       for key in ("log_perplexity", "measure"))))
    names = [f"{problem.split('_')[0]}: {column}" for problem in pieces.FOUR
             for column in ("log-perplexity", _of_field(problem).written)]
    return table(("mixing", "mean log-perplexity", *names), rows)


TABLES = {"baselines": _baselines, "joint": _joint, "parsing": _parsing, "blocks": _blocks, "zero_shot": _zero_shot,
          "mixing": _mixing}


def _pieces(page: Sequence[Piece]) -> str:
    """Every training behind a page: its command, and how long it took."""
    lines = []
    for piece in dict.fromkeys(page):
        result: dict[str, Any] | None = piece.result()
        took = f"{_minutes(sum(result['seconds'].values()))} min{_machine(result)}" if result else "not run yet"
        lines.append(f"- `{piece.name}` ({took}): `{' '.join(piece.train_command(Path('data'), Path('runs')))}`")
    return "\nThe trainings behind it, with the time of training and evaluation:\n\n" + "\n".join(lines) + "\n"


def _machine(result: dict[str, Any]) -> str:
    """The GPUs, or how many cores; nothing for two cores, as of the oldest results, which do not say it."""
    if gpus := result.get("gpus"):
        return f", {', '.join(gpus)}"
    return {1: ", one core", 2: ""}.get(cores := result.get("cores", 2), f", {cores} cores")


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f}"
