# Adding languages to a pre-trained cell, each by itself (X-MOD section 3).

for batch in RUN.extension_batches:

    rule:
        name:
            f"extend_{batch.name}"
        input:
            unpack(lambda wildcards, batch=batch: RUN.extend_inputs(wildcards.cell, batch)),
        output:
            [PATHS.extension("{cell}", iso) for iso in batch.isos],
            [PATHS.extension("{cell}", iso, "history.csv") for iso in batch.isos],
            [PATHS.extension("{cell}", iso, "manifest.json") for iso in batch.isos],
        log:
            PATHS.log("extend", "{cell}", batch.name),
        benchmark:
            PATHS.benchmark("extend", "{cell}", batch.name)
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
                "extend", wildcards.cell, f"job-{batch.name}"
            ),
            job_file=PATHS.job("extend", "{cell}", f"job-{batch.name}"),
            vocabularies=lambda wildcards: RUN.added_vocabulary_folder("extend", wildcards.cell),
            tokens=lambda wildcards: RUN.added_token_folder("extend", wildcards.cell),
            checkpoints=PATHS.checkpoints("extend", "{cell}"),
            folder=PATHS.extensions("{cell}"),
        shell:
            "begin {log:q};"
            " write_job {params.job:q} {params.job_file:q};"
            " with_gpus {resources.gpu} python -m xmod.extend --job {params.job_file:q}"
            " --model {input.model:q}"
            " --vocabulary {input.vocabulary:q} --vocabularies {params.vocabularies:q}"
            " --tokens {params.tokens:q} --checkpoints {params.checkpoints:q}"
            " --output {params.folder:q} --threads {threads} --device {resources.device}"
            " --checkpoint-seconds {resources.checkpoint_seconds}"
            " --micro-batch-sequences {resources.micro_batch_sequences} 2>&1 | keep_log {log:q}"
