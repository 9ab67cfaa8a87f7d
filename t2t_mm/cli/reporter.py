"""t2t-report: one self-contained page about a finished run, and its tables in the terminal."""

from pathlib import Path

from t2t_mm import experiment
from t2t_mm.cli.flag_set import FlagSet
from t2t_mm.cli.program import Program
from t2t_mm.cli.tensorflow_start import start_tensorflow
from t2t_mm.cli.run_flags import check_checkpoint, check_file, with_split
from t2t_mm.errors import UserError


def define() -> Program:
    program = Program("t2t-report", "evaluates and decodes a finished run and writes report.html: curves, results "
                                    "beside trivial baselines, samples, experts.")
    flags = program.flags
    flags.group("run")
    flags.folder("output_dir", None, "the folder of the t2t-trainer run")
    flags.folder("data_dir", None, "where the examples are now (default: where they were at training)")
    flags.folder("report_file", None, "where the page goes (default: report.html in --output_dir)")
    flags.group("what is shown")
    flags.string("split", "dev", "the split to evaluate and decode")
    flags.integer("samples", 3, "samples of a problem", low=0)
    flags.integer("decode_examples", 200, "examples of a problem decoded for the measures of decoded text", low=0)
    flags.choice("checkpoint", "best", ("best", "latest"), "which checkpoint")
    return program


def main(argv: list[str] | None = None) -> int:
    return define().run(work, argv)


def work(flags: FlagSet) -> None:
    """Gathers, prints the tables, writes report.html and report.txt."""
    flags.require("output_dir")
    path = Path(flags.report_file or Path(flags.output_dir, "report.html"))
    check_path(path)
    run = experiment.Experiment.load(flags.output_dir, flags.data_dir, flags.t2t_usr_dir)
    problems = with_split(run, (), flags.split)
    check_checkpoint(flags.output_dir)
    start_tensorflow(batches_at_once=True)
    from rich.console import Console

    from t2t_mm.data.atomic import atomic_file
    from t2t_mm.report import html, terminal
    from t2t_mm.report.gathering import gather

    found = gather(run, flags.output_dir, flags.split, flags.samples, flags.decode_examples, flags.checkpoint, problems)
    Console().print(terminal.summary(found))
    html.write_report(found, path)
    with atomic_file(path.with_suffix(".txt")) as partial:
        partial.write_text(terminal.plain_text(found), encoding="utf-8")
    print(f"Report: {path}")


def check_path(path: Path) -> None:
    """Raises UserError, before anything slow starts, if the page has no place."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--report_file={path} must name a file that ends in .html.")
    check_file("report_file", path)


if __name__ == "__main__":
    raise SystemExit(main())
