# Held-out perplexity of a cell, in its pre-trained and its added languages.

PERPLEXITY_CODE = code_digest("measure_perplexity.py", "evaluation", "model", "data")


rule measure_perplexity:
    """Measure one cell in all its languages."""
    input:
        unpack(lambda wildcards: RUN.perplexity_inputs(wildcards.cell)),
    output:
        scores=PATHS.perplexity("{cell}"),
        manifest=PATHS.perplexity("{cell}", "manifest.json"),
    log:
        PATHS.log("perplexity", "{cell}"),
    benchmark:
        PATHS.benchmark("perplexity", "{cell}")
    conda:
        "../../envs/xmod.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
        device="auto",
        gpu=0,
    params:
        job=lambda wildcards: RUN.job_text("perplexity", wildcards.cell, "job"),
        job_file=PATHS.job("perplexity", "{cell}"),
        tokens=lambda wildcards: RUN.token_folder("perplexity", wildcards.cell),
        vocabularies=lambda wildcards: RUN.added_vocabulary_folder("perplexity", wildcards.cell),
        added_tokens=lambda wildcards: RUN.added_token_folder("perplexity", wildcards.cell),
        extensions=lambda wildcards: RUN.extensions_folder("perplexity", wildcards.cell),
        code=PERPLEXITY_CODE,
    shell:
        "begin {log:q};"
        " write_job {params.job:q} {params.job_file:q};"
        " with_gpus {resources.gpu} python -m xmod.measure_perplexity --job {params.job_file:q}"
        " --model {input.model:q}"
        " --vocabulary {input.vocabulary:q} --tokens {params.tokens:q}"
        " --extensions {params.extensions:q} --vocabularies {params.vocabularies:q}"
        " --added-tokens {params.added_tokens:q} --output {output.scores:q}"
        " --threads {threads} --device {resources.device} 2>&1 | keep_log {log:q}"
