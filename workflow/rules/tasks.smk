# Tasks: their sets, fine-tuning in the source language, and zero-shot evaluation (X-MOD section 4.3).

TASKS = RUN.tasks
READING_CODE = code_digest("read_task.py", "tasks/formats", "tasks/synthetic", "tasks/examples.py")
ENCODING_CODE = {
    kind: code_digest(
        "encode_task.py", "tasks/encoding.py", f"tasks/{kind}.py", "tasks/features.py"
    )
    for kind in ("nli", "ner", "qa")
}
EVALUATION_CODE = {
    kind: code_digest(
        *("evaluate.py", "tasks/batches.py", "tasks/predicting.py", "tasks/predictions.py"),
        *("tasks/heads.py", "tasks/scoring.py", f"tasks/{kind}.py", "tasks/metrics", "model"),
    )
    for kind in ("nli", "ner", "qa")
}


rule read_task:
    """Read a task's sets from their files, or make them, into one form."""
    input:
        unpack(lambda wildcards: TASKS.task_inputs(wildcards.task, wildcards.scope)),
    output:
        PATHS.task_file("tasks", "{task}", "{scope}", "manifest.json"),
        PATHS.task_file("tasks", "{task}", "{scope}", "counts.json"),
    log:
        PATHS.log("tasks", "{task}", "{scope}"),
    benchmark:
        PATHS.benchmark("tasks", "{task}", "{scope}")
    conda:
        "../../envs/xmod.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        job=lambda wildcards: TASKS.job_text("tasks", wildcards.task, wildcards.scope, "job"),
        job_file=PATHS.task_job("tasks", "{task}", "{scope}"),
        packages=RUN.config.packages,
        folder=subpath(output[0], parent=True),
        code=READING_CODE,
    shell:
        "begin {log:q};"
        " write_job {params.job:q} {params.job_file:q};"
        " python -m xmod.read_task --job {params.job_file:q} --packages {params.packages:q}"
        " --output {params.folder:q} 2>&1 | keep_log {log:q}"


rule measure_baselines:
    """Measure what a task's sets give away: chance, and parts of the input alone."""
    input:
        examples=PATHS.task_file("tasks", "{task}", "{scope}", "manifest.json"),
    output:
        PATHS.task_file("tasks", "{task}", "{scope}", "baselines.json"),
    log:
        PATHS.log("baselines", "{task}", "{scope}"),
    benchmark:
        PATHS.benchmark("baselines", "{task}", "{scope}")
    conda:
        "../../envs/xmod.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        kind=lambda wildcards: RUN.config.tasks[wildcards.task].kind,
        source=lambda wildcards: RUN.config.tasks[wildcards.task].source,
        sets=subpath(input.examples, parent=True),
        code=code_digest("measure_baselines.py", "tasks/baselines.py", "tasks/metrics"),
    shell:
        "begin {log:q};"
        " python -m xmod.measure_baselines --sets {params.sets:q} --kind {params.kind}"
        " --source {params.source} --output {output:q} 2>&1 | keep_log {log:q}"


for task in TASKS.cells:

    rule:
        name:
            f"encode_{task}"
        input:
            unpack(lambda wildcards, task=task: TASKS.features_inputs(task, wildcards.scope)),
        output:
            TASKS.features(task, "{scope}"),
        log:
            PATHS.log("features", task, "{scope}"),
        benchmark:
            PATHS.benchmark("features", task, "{scope}")
        conda:
            "../../envs/xmod.yaml"
        resources:
            mem_mb=2000,
            runtime=240,
        params:
            job=lambda wildcards, task=task: TASKS.job_text(
                "features", task, wildcards.scope, "job"
            ),
            job_file=PATHS.task_job("features", task, "{scope}"),
            examples=subpath(input.examples, parent=True),
            folder=PATHS.task_folder("features", task, "{scope}"),
            code=ENCODING_CODE[TASKS.kind(task)],
        shell:
            "begin {log:q};"
            " write_job {params.job:q} {params.job_file:q};"
            " python -m xmod.encode_task --job {params.job_file:q} --examples {params.examples:q}"
            " --vocabulary {input.vocabulary:q} --output {params.folder:q} 2>&1 | keep_log {log:q}"

    for batch in TASKS.added_batches(task):

        rule:
            name:
                f"encode_{task}_added_{batch.name}"
            input:
                unpack(
                    lambda wildcards, task=task, batch=batch: TASKS.added_features_inputs(
                        task, wildcards.scope, batch
                    )
                ),
            output:
                TASKS.added_features(task, "{scope}", batch),
            log:
                PATHS.log("added_features", task, "{scope}", batch.name),
            benchmark:
                PATHS.benchmark("added_features", task, "{scope}", batch.name)
            conda:
                "../../envs/xmod.yaml"
            resources:
                mem_mb=2000,
                runtime=240,
            params:
                job=lambda wildcards, task=task, batch=batch: TASKS.job_text(
                    "added_features", task, wildcards.scope, f"job-{batch.name}"
                ),
                job_file=PATHS.task_job("added_features", task, "{scope}", f"job-{batch.name}"),
                examples=subpath(input.examples, parent=True),
                vocabularies=lambda wildcards, task=task: TASKS.added_vocabularies(
                    task, wildcards.scope
                ),
                folder=PATHS.task_folder("added_features", task, "{scope}"),
                code=ENCODING_CODE[TASKS.kind(task)],
            shell:
                "begin {log:q};"
                " write_job {params.job:q} {params.job_file:q};"
                " python -m xmod.encode_task --job {params.job_file:q} --examples {params.examples:q}"
                " --each-vocabulary {params.vocabularies:q} --output {params.folder:q}"
                " 2>&1 | keep_log {log:q}"

    for engine, batch, name in TASKS.finetunings(task):

        rule:
            name:
                name
            input:
                unpack(lambda wildcards, task=task: TASKS.finetune_inputs(task, wildcards.cell)),
            output:
                TASKS.finetuned_files(task, "{cell}", batch),
            log:
                PATHS.log("finetune", task, "{cell}", batch.name),
            benchmark:
                PATHS.benchmark("finetune", task, "{cell}", batch.name)
            wildcard_constraints:
                cell=TASKS.finetuned_by(engine, task),
            conda:
                ENVIRONMENTS[engine]
            threads: 1
            resources:
                mem_mb=3000,
                runtime=480,
                micro_batch_sequences=64,
                checkpoint_seconds=600,
                device="auto",
                gpu=0,
                engine=engine,
            params:
                job=lambda wildcards, task=task, batch=batch: TASKS.job_text(
                    "finetune", task, wildcards.cell, f"job-{batch.name}"
                ),
                job_file=PATHS.task_job("finetune", task, "{cell}", f"job-{batch.name}"),
                extension=lambda wildcards, task=task: TASKS.finetune_extension(
                    task, wildcards.cell
                ),
                checkpoints=PATHS.checkpoints("finetune", f"{task}/{{cell}}"),
                folder=PATHS.task_folder("finetune", task, "{cell}"),
            shell:
                "begin {log:q};"
                " write_job {params.job:q} {params.job_file:q};"
                " in_engine {resources.engine}; with_gpus {resources.gpu} python -m xmod.finetune"
                " --job {params.job_file:q}"
                " --model {input.model:q}"
                " --vocabulary {input.vocabulary:q} {params.extension}"
                " --features {input.features:q} --checkpoints {params.checkpoints:q}"
                " --output {params.folder:q} --threads {threads} --device {resources.device}"
                " --checkpoint-seconds {resources.checkpoint_seconds}"
                " --micro-batch-sequences {resources.micro_batch_sequences}"
                " 2>&1 | keep_log {log:q}"

    for batch in TASKS.run_batches("evaluate", task):

        rule:
            name:
                f"evaluate_{task}_{batch.name}"
            input:
                unpack(
                    lambda wildcards, task=task, batch=batch: TASKS.evaluate_inputs(
                        task, wildcards.cell, batch
                    )
                ),
            output:
                TASKS.score_files(task, "{cell}", batch),
            log:
                PATHS.log("evaluate", task, "{cell}", batch.name),
            benchmark:
                PATHS.benchmark("evaluate", task, "{cell}", batch.name)
            wildcard_constraints:
                cell=TASKS.cell_pattern("evaluate", task),
            conda:
                "../../envs/xmod.yaml"
            threads: 1
            resources:
                mem_mb=3000,
                runtime=240,
                device="auto",
                gpu=0,
            params:
                job=lambda wildcards, task=task, batch=batch: TASKS.job_text(
                    "evaluate", task, wildcards.cell, f"job-{batch.name}"
                ),
                job_file=PATHS.task_job("evaluate", task, "{cell}", f"job-{batch.name}"),
                finetuned=lambda wildcards, task=task: TASKS.folder(
                    "finetune", task, wildcards.cell
                ),
                extensions=lambda wildcards, task=task: TASKS.extensions(task, wildcards.cell),
                examples=lambda wildcards, task=task: TASKS.folder("tasks", task, wildcards.cell),
                features=lambda wildcards, task=task: TASKS.folder("features", task, wildcards.cell),
                folder=PATHS.task_folder("evaluate", task, "{cell}"),
                code=EVALUATION_CODE[TASKS.kind(task)],
            shell:
                "begin {log:q};"
                " write_job {params.job:q} {params.job_file:q};"
                " with_gpus {resources.gpu} python -m xmod.evaluate --job {params.job_file:q}"
                " --model {input.model:q}"
                " --vocabulary {input.vocabulary:q} --finetuned {params.finetuned:q}"
                " {params.extensions} --examples {params.examples:q}"
                " --features {params.features:q} --baselines {input.baselines:q}"
                " --output {params.folder:q}"
                " --threads {threads} --device {resources.device} 2>&1 | keep_log {log:q}"

    rule:
        name:
            f"list_extensions_{task}"
        input:
            lambda wildcards, task=task: TASKS.listed_extensions(task, wildcards.cell),
        output:
            TASKS.extension_list(task, "{cell}"),
        log:
            PATHS.log("list_extensions", task, "{cell}"),
        wildcard_constraints:
            cell=TASKS.cell_pattern("evaluate", task),
        localrule: True
        conda:
            "../../envs/xmod.yaml"
        shell:
            "sha256sum {input:q} > {output:q} 2> {log:q}"

    rule:
        name:
            f"select_{task}"
        input:
            scores=TASKS.scores(task),
        output:
            TASKS.selected(task, "scores.json"),
            TASKS.selected(task, "candidates.csv"),
        log:
            PATHS.log("selection", task),
        localrule: True
        conda:
            "../../envs/xmod.yaml"
        params:
            task=task,
            choice=RUN.config.tasks[task].select_by,
            folder=subpath(output[0], ancestor=2),
            code=code_digest("select_runs.py", "analysis/candidates.py", "analysis/records.py"),
        shell:
            "python -m xmod.select_runs --task {params.task} --by {params.choice}"
            " --scores {input.scores:q} --output {params.folder:q} 2>&1 | keep_log {log:q}"
