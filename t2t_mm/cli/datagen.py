"""t2t-datagen: raw data of problems → vocabularies, shards and manifests in --data_dir."""

import os
import tempfile

from t2t_mm import registry
from t2t_mm.cli.flag_set import FlagSet
from t2t_mm.cli.program import Program, define_data_flags
from t2t_mm.cli.tensorflow_start import set_up_tensorflow


def define() -> Program:
    program = Program("t2t-datagen", "writes the examples of problems: shards of records, vocabularies, a manifest.")
    flags = program.flags
    define_data_flags(flags)
    flags.integer("vocabulary_size", 4096, "subwords of a vocabulary that does not exist yet", low=300)
    flags.integer("num_processes", min(4, os.cpu_count() or 1), "processes that generate side by side", low=1)
    flags.boolean("overwrite", False, "generate again what is there already")
    return program


def main(argv: list[str] | None = None) -> int:
    return define().run(work, argv)


def work(flags: FlagSet) -> None:
    """Generates what `--problem` names and prints what there is now."""
    flags.require("problem", "data_dir")
    problems = [registry.problem(name) for name in dict.fromkeys(registry.expand(flags.problem))]
    generate(problems, flags.data_dir, flags.tmp_dir, flags.vocabulary_size, flags.num_processes, flags.overwrite)


def generate(problems: list, data_dir: str, tmp_dir: str | None, vocabulary_size: int = 4096, processes: int = 2,
             overwrite: bool = False) -> None:
    """Generates problems into `data_dir`, keeping complete data, and prints a table of what is there."""
    from t2t_mm import datagen

    datagen.check_needs(problems)
    set_up_tensorflow()  # a problem's source may import it; writing does not
    tmp_dir = tmp_dir or os.path.join(tempfile.gettempdir(), "t2t_datagen")
    manifests = datagen.generate(problems, data_dir, tmp_dir, vocabulary_size=vocabulary_size, processes=processes,
                                 overwrite=overwrite)
    _print_table(manifests, data_dir)


def _print_table(manifests: list, data_dir: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(f"Data in {data_dir}", style="italic"), title_justify="left")
    table.add_column("problem", no_wrap=True)
    table.add_column("split")
    table.add_column("examples", justify="right")
    table.add_column("longest")
    table.add_column("bytes", justify="right")
    for manifest in manifests:
        for split, entry in manifest.splits.items():
            table.add_row(manifest.problem, split, f"{entry.count:,}", _longest(entry.lengths), f"{entry.bytes:,}")
        table.add_section()
    Console().print(table)
    for manifest in manifests:
        for reason, count in manifest.dropped.items():
            print(f"{manifest.problem}: {count:,} left out, {reason}")


def _longest(lengths: dict[str, dict]) -> str:
    """The longest value of each column, e.g. "inputs 31 ids, targets 40 ids"."""
    return ", ".join(f"{column} {entry['longest']:,} {entry['unit']}" for column, entry in lengths.items())


if __name__ == "__main__":
    raise SystemExit(main())
