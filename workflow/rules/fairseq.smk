# Cells of `engine: fairseq`: the same files from the same jobs, made by fairseq in its own environment.

for training in RUN.models.pretrainings_by("fairseq"):

    rule:
        name:
            training.name
        input:
            unpack(lambda wildcards: RUN.models.pretrain_inputs(wildcards.cell)),
        output:
            RUN.models.checkpoint_files("{cell}", training.checkpoints),
            model=PATHS.pretrained("{cell}"),
            history=PATHS.pretrained("{cell}", "history.csv"),
            manifest=PATHS.pretrained("{cell}", "manifest.json"),
        log:
            PATHS.log("pretrain", "{cell}"),
        benchmark:
            PATHS.benchmark("pretrain", "{cell}")
        wildcard_constraints:
            cell=training.cell_pattern,
        conda:
            "../../envs/fairseq.yaml"
        threads: 1
        resources:
            mem_mb=3000,
            runtime=1440,
            micro_batch_sequences=64,
            checkpoint_seconds=600,
            device="auto",
            gpu=0,
        params:
            job=lambda wildcards: RUN.job_text("pretrain", wildcards.cell, "job"),
            job_file=PATHS.job("pretrain", "{cell}"),
            tokens=lambda wildcards: RUN.token_folder("pretrain", wildcards.cell),
            checkpoints=PATHS.checkpoints("pretrain", "{cell}"),
            folder=subpath(output.model, parent=True),
        shell:
            f"begin {training.name} {{log:q}};"
            " write_job {params.job:q} {params.job_file:q};"
            " in_fairseq; with_gpus {resources.gpu} python -m xmod.pretrain_fairseq --job {params.job_file:q}"
            " --vocabulary {input.vocabulary:q}"
            " --tokens {params.tokens:q} --checkpoints {params.checkpoints:q}"
            " --output {params.folder:q} --threads {threads} --device {resources.device}"
            " --checkpoint-seconds {resources.checkpoint_seconds}"
            " --micro-batch-sequences {resources.micro_batch_sequences} 2>&1 | keep_log {log:q}"


for task, batch in TASKS.finetunings_by("fairseq"):

    rule:
        name:
            f"finetune_fairseq_{task}_{batch.name}"
        input:
            unpack(lambda wildcards, task=task: TASKS.finetune_inputs(task, wildcards.cell)),
        output:
            TASKS.finetuned_files(task, "{cell}", batch),
        log:
            PATHS.log("finetune", task, "{cell}", batch.name),
        benchmark:
            PATHS.benchmark("finetune", task, "{cell}", batch.name)
        wildcard_constraints:
            cell=TASKS.finetuned_by("fairseq", task),
        conda:
            "../../envs/fairseq.yaml"
        threads: 1
        resources:
            mem_mb=3000,
            runtime=480,
            micro_batch_sequences=64,
            checkpoint_seconds=600,
            device="auto",
            gpu=0,
        params:
            job=lambda wildcards, task=task, batch=batch: TASKS.job_text(
                "finetune", task, wildcards.cell, f"job-{batch.name}"
            ),
            job_file=PATHS.task_job("finetune", task, "{cell}", f"job-{batch.name}"),
            extension=lambda wildcards, task=task: TASKS.finetune_extension(task, wildcards.cell),
            checkpoints=PATHS.checkpoints("finetune", f"{task}/{{cell}}"),
            folder=PATHS.task_folder("finetune", task, "{cell}"),
        shell:
            f"begin finetune_fairseq_{task}_{batch.name} {{log:q}};"
            " write_job {params.job:q} {params.job_file:q};"
            " in_fairseq; with_gpus {resources.gpu} python -m xmod.finetune_fairseq --job {params.job_file:q}"
            " --model {input.model:q} --vocabulary {input.vocabulary:q} {params.extension}"
            " --features {input.features:q} --checkpoints {params.checkpoints:q}"
            " --output {params.folder:q} --threads {threads} --device {resources.device}"
            " --checkpoint-seconds {resources.checkpoint_seconds}"
            " --micro-batch-sequences {resources.micro_batch_sequences} 2>&1 | keep_log {log:q}"
