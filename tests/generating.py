"""All samples of a problem, and what its readers said meanwhile."""

from t2t_mm import registry
from t2t_mm.data.files.skipped import collect_skipped


def generated(problem, tmp_dir):
    """Split → samples, and what was left out or noted; `problem` may be a name."""
    problem = registry.problem(problem) if isinstance(problem, str) else problem
    with collect_skipped() as skipped:
        found = {split: list(problem.generate(split, str(tmp_dir))) for split in problem.splits}
    return found, skipped
