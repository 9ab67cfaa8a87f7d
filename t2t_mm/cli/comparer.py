"""t2t-compare: several runs in a table, best first, with the settings in which they differ."""

from t2t_mm.cli.flag_set import FlagSet
from t2t_mm.cli.program import Program


def define() -> Program:
    program = Program("t2t-compare", "shows several runs in a table: how good each was at its best evaluation, and in "
                                     "which settings they differ.")
    program.flags.group("runs")
    program.flags.string_list("runs", [], "folders of t2t-trainer runs, or folders in which they lie, parted by commas")
    return program


def main(argv: list[str] | None = None) -> int:
    return define().run(work, argv)


def work(flags: FlagSet) -> None:
    """Reads what the runs keep of their evaluations, and prints the tables; needs no TensorFlow."""
    from t2t_mm.report.comparison import comparison_text, runs_in

    flags.require("runs")
    print(comparison_text(runs_in(flags.runs)))


if __name__ == "__main__":
    raise SystemExit(main())
