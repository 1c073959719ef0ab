# Adapters: modules that are trained on top of a cell without any, a language at a time, and the
# model that these make with it (X-MOD section 6.2).

for batch in RUN.models.adapter_batches:

    rule:
        name:
            f"adapt_{batch.name}"
        input:
            unpack(lambda wildcards, batch=batch: RUN.models.adapt_inputs(wildcards.cell, batch)),
        output:
            [PATHS.adapter("{cell}", iso) for iso in batch.isos],
            [PATHS.adapter("{cell}", iso, "history.csv") for iso in batch.isos],
            [PATHS.adapter("{cell}", iso, "manifest.json") for iso in batch.isos],
        log:
            PATHS.log("adapt", "{cell}", batch.name),
        benchmark:
            PATHS.benchmark("adapt", "{cell}", batch.name)
        wildcard_constraints:
            cell=batch.cell_pattern,
        conda:
            "../../envs/xmod.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=720,
            micro_batch_sequences=64,
            checkpoint_seconds=600,
            device="auto",
            gpu=0,
        params:
            job=lambda wildcards, batch=batch: RUN.job_text(
                "adapt", wildcards.cell, f"job-{batch.name}"
            ),
            job_file=PATHS.job("adapt", "{cell}", f"job-{batch.name}"),
            tokens=lambda wildcards: RUN.token_folder("pretrain", wildcards.cell),
            checkpoints=PATHS.checkpoints("adapt", "{cell}"),
            folder=PATHS.adapters("{cell}"),
        shell:
            "begin {log:q};"
            " write_job {params.job:q} {params.job_file:q};"
            " with_gpus {resources.gpu} python -m xmod.adapt --job {params.job_file:q}"
            " --model {input.model:q}"
            " --vocabulary {input.vocabulary:q} --tokens {params.tokens:q}"
            " --checkpoints {params.checkpoints:q} --output {params.folder:q}"
            " --threads {threads} --device {resources.device}"
            " --checkpoint-seconds {resources.checkpoint_seconds}"
            " --micro-batch-sequences {resources.micro_batch_sequences} 2>&1 | keep_log {log:q}"


if RUN.models.adapter_batches:

    rule join_adapters:
        """Make one model of a cell without modules and those that were trained on top of it."""
        input:
            unpack(lambda wildcards: RUN.models.join_inputs(wildcards.cell)),
        output:
            model=PATHS.pretrained("{cell}"),
            manifest=PATHS.pretrained("{cell}", "manifest.json"),
        log:
            PATHS.log("join_adapters", "{cell}"),
        benchmark:
            PATHS.benchmark("join_adapters", "{cell}")
        wildcard_constraints:
            cell=RUN.models.joined_pattern,
        conda:
            "../../envs/xmod.yaml"
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            job=lambda wildcards: RUN.job_text("join", wildcards.cell, "job"),
            job_file=PATHS.job("pretrain", "{cell}"),
            adapters=PATHS.adapters("{cell}"),
            folder=subpath(output.model, parent=True),
            code=code_digest("join_adapters.py", "model/transfer.py", "model/storage.py"),
        shell:
            "begin {log:q};"
            " write_job {params.job:q} {params.job_file:q};"
            " python -m xmod.join_adapters --job {params.job_file:q} --model {input.model:q}"
            " --vocabulary {input.vocabulary:q} --adapters {params.adapters:q}"
            " --output {params.folder:q} 2>&1 | keep_log {log:q}"
