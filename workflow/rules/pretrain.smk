# Pre-training: one job a cell, resumed from its own checkpoints (X-MOD sections 3 and 4).

for training in RUN.models.pretrainings:

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
            ENVIRONMENTS[training.engine]
        threads: RUN.launch.cores
        resources:
            **RUN.launch.resources,
            mem_mb=3000 * RUN.launch.config.local_processes,
            runtime=1440,
            micro_batch_sequences=64,
            checkpoint_seconds=600,
            device="auto",
            gpu=0,
            threads_each=lambda wildcards, threads: RUN.launch.threads_each(threads),
            launch=lambda wildcards, threads: RUN.launch.command(threads),
            engine=training.engine,
        params:
            job=lambda wildcards: RUN.job_text("pretrain", wildcards.cell, "job"),
            job_file=PATHS.job("pretrain", "{cell}"),
            tokens=lambda wildcards: RUN.token_folder("pretrain", wildcards.cell),
            checkpoints=PATHS.checkpoints("pretrain", "{cell}"),
            folder=subpath(output.model, parent=True),
        shell:
            "begin {log:q};"
            " write_job {params.job:q} {params.job_file:q};"
            " in_engine {resources.engine}; with_gpus {resources.gpu} {resources.launch}"
            " --job {params.job_file:q}"
            " --vocabulary {input.vocabulary:q}"
            " --tokens {params.tokens:q} --checkpoints {params.checkpoints:q}"
            " --output {params.folder:q} --threads {resources.threads_each} --device {resources.device}"
            " --checkpoint-seconds {resources.checkpoint_seconds}"
            " --micro-batch-sequences {resources.micro_batch_sequences} 2>&1 | keep_log {log:q}"
