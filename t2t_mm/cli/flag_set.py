"""FlagSet: the flags of one program, apart from every other program's, with groups for the help text."""

import os
import textwrap
from collections.abc import Sequence

from absl import flags as absl_flags

from t2t_mm.errors import UserError
from t2t_mm.hparams.hparams import LARGEST


class FlagSet(absl_flags.FlagValues):
    """absl's flags (`flags.data_dir` is the value of `--data_dir`) with one short method for each type of flag.

    Of a flag that is given twice the last value counts, but for those that are lists: there it is an error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.__dict__["_groups"] = {}
        self.__dict__["_group"] = "flags"
        self.__dict__["_unlisted"] = {"flagfile", "undefok"}

    def group(self, title: str) -> None:
        """Flags defined from now on stand under `title` in the help text."""
        self.__dict__["_group"] = title

    def string(self, name: str, default: str | None, help: str, once: bool = False) -> None:
        absl_flags.DEFINE_string(name, default, help, flag_values=self, allow_overwrite=not once)
        self._note(name)

    def string_list(self, name: str, default: Sequence[str], help: str) -> None:
        """A list whose items are parted by commas."""
        absl_flags.DEFINE(_Commas(), name, list(default), help, flag_values=self, allow_overwrite=False)
        self._note(name)

    def integer(self, name: str, default: int | None, help: str,
                low: int | None = None, high: int = LARGEST) -> None:
        absl_flags.DEFINE_integer(name, default, help, lower_bound=low, upper_bound=high, flag_values=self)
        self._note(name)

    def number(self, name: str, default: float | None, help: str,
               low: float | None = None, high: float | None = None) -> None:
        absl_flags.DEFINE_float(name, default, help, lower_bound=low, upper_bound=high, flag_values=self)
        self._note(name)

    def boolean(self, name: str, default: bool, help: str) -> None:
        """A switch: `--name` or `--noname`."""
        absl_flags.DEFINE_boolean(name, default, help, flag_values=self)
        self._note(name)

    def choice(self, name: str, default: str | None, choices: Sequence[str], help: str) -> None:
        absl_flags.DEFINE_enum(name, default, list(choices), help, flag_values=self)
        self._note(name)

    def folder(self, name: str, default: str | None, help: str) -> None:
        """The path of a folder or file, in which `~` is the user's home."""
        absl_flags.DEFINE(_Path(), name, default, help, flag_values=self)
        self._note(name)

    def alias(self, name: str, of: str) -> None:
        """A second name for a flag; the help text leaves it out."""
        absl_flags.DEFINE_alias(name, of, flag_values=self)
        self.__dict__["_unlisted"].add(name)

    def require(self, *names: str) -> None:
        """Raises UserError if one of these flags is not given."""
        missing = [name for name in names if self[name].value in (None, "", [])]
        if missing:
            what = "; ".join(f"--{name} ({self[name].help})" for name in missing)
            raise UserError(f"missing: {what}. --help shows all flags, --registry_help all names.")

    def names(self) -> list[str]:
        """The flags that this program defined, in the order of their definition."""
        return list(self.__dict__["_groups"])

    def describe(self) -> str:
        """The flags, by group, each with its default and help."""
        groups: dict[str, list[str]] = {}
        others = [name for name in self if name not in self.names() and name not in self.__dict__["_unlisted"]]
        for name in (*self.names(), *others):
            groups.setdefault(self.__dict__["_groups"].get(name, "flags"), []).append(self._describe_one(name))
        return "\n\n".join(f"{title}:\n" + "\n".join(lines) for title, lines in groups.items())

    def _describe_one(self, name: str) -> str:
        flag = self[name]
        head = f"  --[no]{name}" if flag.boolean and name != "help" else f"  --{name}"
        about = flag.help
        if flag.default not in (None, "", [], False):
            shown = ",".join(flag.default) if isinstance(flag.default, list) else flag.default
            about += f" (default: {str(shown).lower() if isinstance(shown, bool) else shown})"
        return textwrap.fill(about, 110, initial_indent=f"{head:<22}  ", subsequent_indent=" " * 24)

    def _note(self, name: str) -> None:
        self.__dict__["_groups"][name] = self.__dict__["_group"]


class _Path(absl_flags.ArgumentParser):
    syntactic_help = "a path"

    def parse(self, argument: str) -> str:
        return os.path.expanduser(argument)


class _Commas(absl_flags.ArgumentParser):
    syntactic_help = "a comma separated list"

    def parse(self, argument: str | list[str]) -> list[str]:
        parts = argument.split(",") if isinstance(argument, str) else argument
        return [part.strip() for part in parts if part.strip()]
