# Cells that are made of released checkpoints instead of being trained (`pretrain.from: released`).

if RUN.models.released:

    rule import_released:
        """Make a cell's model of a checkpoint of fairseq's or of transformers'."""
        input:
            unpack(lambda wildcards: RUN.models.released_inputs(wildcards.cell)),
        output:
            model=PATHS.pretrained("{cell}"),
            manifest=PATHS.pretrained("{cell}", "manifest.json"),
        log:
            PATHS.log("import_released", "{cell}"),
        benchmark:
            PATHS.benchmark("import_released", "{cell}")
        wildcard_constraints:
            cell=RUN.models.released_pattern,
        conda:
            "../../envs/xmod.yaml"
        resources:
            mem_mb=20000,
            runtime=60,
        params:
            job=lambda wildcards: RUN.job_text("pretrain", wildcards.cell, "job"),
            job_file=PATHS.job("pretrain", "{cell}"),
            folder=subpath(output.model, parent=True),
        shell:
            "begin {log:q};"
            " write_job {params.job:q} {params.job_file:q};"
            " python -m xmod.import_released --job {params.job_file:q}"
            " --vocabulary {input.vocabulary:q} --output {params.folder:q} 2>&1 | keep_log {log:q}"
