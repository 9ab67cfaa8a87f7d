"""t2t-trainer: trains one model on one problem or many and evaluates it; stopped, the same command goes on."""

import time

from t2t_mm import experiment, experiment_names
from t2t_mm.cli import datagen
from t2t_mm.cli.flag_set import FlagSet
from t2t_mm.cli.program import Program, define_experiment_flags
from t2t_mm.cli.tensorflow_start import start_tensorflow
from t2t_mm.errors import UserError
from t2t_mm.hparams.hparams import Hparams
from t2t_mm.training import run_folder, warm_start
from t2t_mm.training.choices import STRATEGIES, XLA

SCHEDULES = ("train_and_evaluate", "train", "evaluate")


def define() -> Program:
    program = Program("t2t-trainer", "trains a model on problems. Stopped, the same command goes on where it was.")
    flags = program.flags
    define_experiment_flags(flags)
    flags.group("training")
    flags.integer("train_steps", 0, "steps in all, those before a restart included; 0: as the hparams say", low=0)
    flags.choice("schedule", "train_and_evaluate", SCHEDULES, "what to do")
    flags.integer("eval_steps", 0, "most batches of each problem in an evaluation; 0: the whole split", low=0)
    flags.integer("eval_interval", 0, "steps from one evaluation to the next; 0: as the hparams say", low=0)
    flags.integer("checkpoint_interval", 0, "steps from one checkpoint to the next; 0: eval_interval", low=0)
    flags.integer("early_stopping_patience", 0, "stop after so many evaluations without a better one; 0: never", low=0)
    flags.folder("warm_start_from", None, "begin with the weights of this run, as far as both have the same parts")
    flags.boolean("generate_data", False, "first generate the data that is not there")
    flags.boolean("dry_run", False, "build everything, print sizes and a memory estimate, and stop")
    flags.group("search")
    flags.string("hparams_range", None, "a ranged hparams set: a trial changes --hparams_set by a draw from it")
    flags.integer("trial", None, "which draw: 1, 2, ...; each is the same whenever and wherever it is drawn", low=1)
    flags.group("devices")
    flags.choice("xla", "auto", XLA, "compile the training step; auto: on GPUs for "
                 "1,000 steps or more for each shape of batch")
    flags.choice("strategy", "auto", STRATEGIES, "how devices share the work; auto: all GPUs; "
                 "cores: each core of a CPU has a part of every batch")
    return program


def main(argv: list[str] | None = None) -> int:
    started = time.monotonic()
    return define().run(lambda flags: work(flags, started), argv)


def work(flags: FlagSet, started: float) -> int | None:
    """Checks everything that needs no TensorFlow, then trains, evaluates or describes; the exit status."""
    flags.require("problem", "model", "hparams_set", "data_dir", *([] if flags.dry_run else ["output_dir"]))
    named = (flags.problem, flags.model, flags.hparams_set, drawn_hparams(flags))
    problems, hparams, _ = experiment_names.resolve(*named, flags.modality)
    steps = train_steps(flags, hparams)
    check_schedule(flags, hparams)
    if flags.strategy == "multi_worker":
        _check_for_all_workers(flags)
    if flags.generate_data:
        if not flags.dry_run:  # before the work; all the rest is compared when there are data
            run_folder.check_same(flags.output_dir, {
                "problems": [problem.name for problem in problems], "model": flags.model, "hparams": hparams.to_dict(),
                "seed": flags.seed}, type(hparams)().to_dict())
        datagen.generate(problems, flags.data_dir, flags.tmp_dir)
    run = experiment.create_experiment(
        *named, data_dir=flags.data_dir, modality=flags.modality, seed=flags.seed, usr_dir=flags.t2t_usr_dir,
        warm_start=flags.warm_start_from)
    if flags.output_dir:
        run.check_output_dir(flags.output_dir)
    if run.warm_start and not (flags.output_dir and run_folder.has_checkpoint(flags.output_dir)):
        warm_start.check(run)
    if flags.schedule == "evaluate" and not flags.dry_run:
        return _evaluate(flags)
    start_tensorflow(flags.strategy == "cores", None if flags.dry_run else flags.output_dir)
    return _describe(run, flags, steps) if flags.dry_run else _train(run, flags, steps, started)


def drawn_hparams(flags: FlagSet) -> str:
    """The changes to the hparams set: those of the trial, if it is one, and `--hparams`, which wins."""
    if not flags.hparams_range and flags.trial is None:
        return flags.hparams
    flags.require("hparams_range", "trial")
    changes = experiment_names.trial(flags.hparams_set, flags.hparams_range, flags.trial, flags.hparams)
    print(f"Trial {flags.trial} of {flags.hparams_range}: {changes}")
    return changes


def train_steps(flags: FlagSet, hparams: Hparams) -> int:
    """How many steps to train; UserError if neither the flag nor the hparams say so, and it matters."""
    steps = flags.train_steps or hparams.train_steps
    if not steps and flags.schedule != "evaluate" and not flags.dry_run:
        raise UserError(f"missing: --train_steps, the number of steps in all. ({flags.hparams_set} does not say.)")
    return steps


def check_schedule(flags: FlagSet, hparams: Hparams) -> None:
    """UserError for flags and hparams that contradict each other."""
    if flags.schedule == "train":
        useless = [name for name, given in (("--eval_interval", flags.eval_interval),
                                            ("--early_stopping_patience", flags.early_stopping_patience),
                                            ("mixing=adaptive", hparams.mixing == "adaptive")) if given]
        if useless:
            raise UserError(f"--schedule=train evaluates once, at the end, so that {useless[0]} would do nothing. "
                            "Leave one of them out.")


def _evaluate(flags: FlagSet) -> int:
    from t2t_mm.cli import evaluator

    given = {"output_dir": flags.output_dir, "data_dir": flags.data_dir, "t2t_usr_dir": flags.t2t_usr_dir,
             "eval_steps": flags.eval_steps}
    return evaluator.main([f"--{name}={value}" for name, value in given.items() if value])


def _check_for_all_workers(flags: FlagSet) -> None:
    """UserError for what one process must do alone: every worker has the same command, and would do it too."""
    if flags.generate_data:
        raise UserError("--generate_data and --strategy=multi_worker: every worker would write the same data. Generate "
                        f"it once before: t2t-datagen --problem={','.join(flags.problem)} --data_dir={flags.data_dir}.")
    if flags.schedule == "evaluate":
        raise UserError("--schedule=evaluate is for one process, not for --strategy=multi_worker. Run it once: "
                        f"t2t-eval --output_dir={flags.output_dir}.")


def _train(run, flags: FlagSet, steps: int, started: float) -> int:
    """Trains; the exit status: 130 if it was stopped before the end."""
    from t2t_mm.training.run import train

    evaluations, checkpoints = flags.eval_interval, flags.checkpoint_interval  # 0: as `train` says
    if flags.schedule == "train":  # one evaluation, at the end, and the checkpoints that there would be with others
        evaluations, checkpoints = steps, checkpoints or run.hparams.eval_interval
    summary = train(run, flags.output_dir, steps, flags.eval_steps, evaluations, checkpoints, flags.xla,
                    flags.strategy, flags.early_stopping_patience, started=started)
    return 130 if summary["status"] == "interrupted" else 0


def _describe(run, flags: FlagSet, steps: int) -> None:
    """The dry run; UserError for what would keep the run from starting."""
    from t2t_mm.training import distribution, schedules
    from t2t_mm.training.dry_run import describe
    from t2t_mm.training.run_data import mixing_of, report_unused

    if steps:
        schedules.check(run.hparams.learning_rate_schedule, run.hparams.warmup_steps, steps)
        mixing_of(run, steps, flags.eval_interval or run.hparams.eval_interval, print)
    report_unused(run, flags.early_stopping_patience, print)
    print(describe(run, distribution.parts(flags.strategy)))


if __name__ == "__main__":
    raise SystemExit(main())
