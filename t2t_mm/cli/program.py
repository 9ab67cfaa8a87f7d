"""What every program shares: its flags, help, the user's folder and exit statuses."""

import contextlib
import errno
import os
import shutil
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from absl import flags as absl_flags

from t2t_mm import registry
from t2t_mm.cli.flag_set import FlagSet
from t2t_mm.cli.tensorflow_start import set_up_tensorflow
from t2t_mm.data.atomic import existing
from t2t_mm.errors import UserError, did_you_mean

_BARE = {"--registry_help": "--registry_help=", "-registry_help": "--registry_help=",
         "-h": "--help", "-help": "--help", "--helpfull": "--help", "--helpshort": "--help"}


SPARE = 1 << 20  # bytes: a disk with less is full


class Program:
    """One program: `main(argv)` of its module makes one, defines more `flags`, and returns `program.run(work, argv)`.

    `flags` has `--help`, `--registry_help` and `--t2t_usr_dir` already.
    """

    def __init__(self, name: str, description: str) -> None:
        self.name = name
        self.description = description
        self.flags = FlagSet()
        self.flags.group("help and your own parts")
        self.flags.boolean("help", False, "show this text")
        self.flags.string("registry_help", None, "list what is registered; =PATTERN: only names or lines that "
                          "match; =NAME of an hparams set: its keys")
        self.flags.folder("t2t_usr_dir", None, "a folder or .py file with problems, models, ... of your own")

    def run(self, work: Callable[[FlagSet], int | None], argv: list[str] | None = None) -> int:
        """Parses `argv` (default: the command line), calls `work(flags)` and returns the exit status.

        0 done, 2 a UserError or a file that cannot be read or written (the reason goes to stderr), 130 stopped by
        Ctrl-C, 141 the reader of stdout went away.
        """
        if hasattr(sys.stdout, "reconfigure"):  # progress is seen at once in a file or a pipe too, in any encoding
            sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
        set_up_tensorflow()  # a user's file may import it
        try:
            with self._plain_warnings():
                return work(self.parse(argv)) or 0
        except SystemExit as done:
            return done.code if isinstance(done.code, int) else int(done.code is not None)
        except UserError as error:
            print(f"{self.name}: error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print(f"\n{self.name}: stopped by Ctrl-C", file=sys.stderr)
            return 130
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the flush at exit would complain
            return 141
        except OSError as error:
            if error.errno is None:  # not from the system
                raise
            place = f" {error.filename}" if error.filename else ""
            full = self._full() if error.errno == errno.ENOSPC else ""
            print(f"{self.name}: error: cannot read or write{place}: {error.strerror}{full}", file=sys.stderr)
            return 2

    def parse(self, argv: list[str] | None = None) -> FlagSet:
        """The flags with the values of `argv` (without the program's name), names checked, no TensorFlow imported.

        Raises UserError for a wrong flag, value or name; SystemExit(0) after `--help` and `--registry_help`.
        """
        self._read(_spelled_out(sys.argv[1:] if argv is None else argv))
        if self.flags.help:
            print(self.help_text())
            raise SystemExit(0)
        if self.flags.t2t_usr_dir:
            registry.import_usr_dir(self.flags.t2t_usr_dir)
        if self.flags.registry_help is not None:
            print(_registered(self.flags.registry_help))
            raise SystemExit(0)
        check_names(self.flags)
        return self.flags

    def help_text(self) -> str:
        """The description and all flags, by group."""
        return f"{self.name}: {self.description}\n\nusage: {self.name} [flags]\n\n{self.flags.describe()}"

    def _full(self) -> str:
        """The folders and files of the flags whose disk is full, and the one for temporary files."""
        paths = [Path(value).absolute() for value in self.flags.flag_values_dict().values()
                 if isinstance(value, str) and os.sep in value] + [Path(tempfile.gettempdir())]
        full = [str(path) for path in paths if shutil.disk_usage(existing(path)).free < SPARE]
        return f". Full: {', '.join(dict.fromkeys(full))}" if full else ""

    @contextlib.contextmanager
    def _plain_warnings(self) -> Iterator[None]:
        """Warnings are one line each, without the line of code that gave them."""
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print(f"{self.name}: warning: {message}", file=sys.stderr)
            yield

    def _read(self, argv: list[str]) -> None:
        self.flags.unparse_flags()
        try:
            rest = self.flags([self.name, *argv])[1:]
        except absl_flags.UnrecognizedFlagError as error:
            near = did_you_mean(error.flagname, self.flags.names()).replace("'", "").replace("mean ", "mean --")
            raise UserError(f"there is no flag --{error.flagname}.{near.replace(' or ', ' or --')} "
                            f"{self.name} --help shows all flags.") from None
        except absl_flags.IllegalFlagValueError as error:
            more = " Part several by commas." if "already defined" in str(error) else ""
            raise UserError(f"{error}.{more} ({self.name} --help shows all flags.)") from None
        except absl_flags.Error as error:
            raise UserError(f"{error} ({self.name} --help shows all flags.)") from None
        if rest:
            raise UserError(f"{rest[0]!r} belongs to no flag. Flags are written --flag=value or --flag value, switches "
                            "--flag or --noflag; put a value with blanks in quotes.")


def _registered(pattern: str) -> str:
    """What the registry has that `pattern` finds; of an hparams set that it names whole, the keys too."""
    parts = [registry.help_text(pattern)]
    for kind, make in (("hparams", registry.hparams), ("ranged_hparams", registry.ranged_hparams)):
        if pattern in registry.names(kind):
            parts.append(f"keys of {pattern}:\n" + textwrap.indent(make(pattern).describe(), "  "))
    return "\n\n".join(parts)


def _spelled_out(argv: list[str]) -> list[str]:
    """`--registry_help` and `-h` may stand alone; absl wants a value for the one and does not know the other."""
    out = list(argv)
    for i, argument in enumerate(argv):
        if argument == "--":
            break
        followed_by_value = i + 1 < len(argv) and not argv[i + 1].startswith("-")
        if argument in _BARE and not ("registry_help" in argument and followed_by_value):
            out[i] = _BARE[argument]
    return out


def define_data_flags(flags: FlagSet) -> None:
    """`--problem`, `--data_dir`, `--tmp_dir`."""
    flags.group("problems and data")
    flags.string_list("problem", [], "problems or mixtures of them, parted by commas")
    flags.alias("problems", "problem")
    flags.folder("data_dir", None, "where the examples are, or go")
    flags.folder("tmp_dir", None, "where downloads and other raw files are, or go")


def define_experiment_flags(flags: FlagSet) -> None:
    """The data flags, and `--model --hparams_set --hparams --modality --output_dir --seed`."""
    define_data_flags(flags)
    flags.group("model")
    flags.string("model", None, "the model")
    flags.string("hparams_set", None, "the hparams set")
    flags.string("hparams", "", "changes to the set: key=value,key=value", once=True)
    flags.string("modality", "", "other modalities for features: inputs:image_small or problem.inputs:image_small, ...",
                 once=True)
    flags.folder("output_dir", None, "where checkpoints, settings and metrics are, or go")
    flags.integer("seed", 1, "of everything random", low=0)


def check_names(flags: FlagSet) -> None:
    """Raises UserError if a name, an hparam or a modality of the flags does not exist; imports no TensorFlow."""
    given = flags.flag_values_dict()
    for name in registry.expand(given.get("problem") or ()):
        registry.check_name("problem", name)
    for kind, flag in (("model", "model"), ("hparams", "hparams_set"), ("ranged_hparams", "hparams_range")):
        if given.get(flag):
            registry.check_name(kind, given[flag])
    if given.get("hparams") and given.get("hparams_set"):
        registry.hparams(given["hparams_set"]).override(given["hparams"])
    for item in filter(None, (given.get("modality") or "").split(",")):
        feature, colon, modality = (part.strip() for part in item.partition(":"))
        if not (feature and colon and modality):
            raise UserError(f"--modality: {item!r} is not feature:modality. Write it like inputs:image_small.")
        registry.check_name("modality", modality)
