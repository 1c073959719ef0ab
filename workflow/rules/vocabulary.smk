# Vocabularies and token files: one vocabulary for all cells, and one for each added language.
# A vocabulary is trained with 4 threads, which are part of its recipe (xmod/tokenization/train.py).


rule train_vocabulary:
    """Train the SentencePiece vocabulary that all cells share, or check the one that is given."""
    input:
        given=lambda wildcards: RUN.given_vocabulary(wildcards.scope),
        corpora=lambda wildcards: RUN.vocabulary_corpora(wildcards.scope),
    output:
        PATHS.vocabulary("{scope}"),
        PATHS.vocabulary("{scope}", "vocabulary.json"),
        PATHS.vocabulary("{scope}", "manifest.json"),
    log:
        PATHS.log("vocabulary", "{scope}"),
    benchmark:
        PATHS.benchmark("vocabulary", "{scope}")
    conda:
        "../../envs/xmod.yaml"
    threads: 4
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        job=lambda wildcards: RUN.job_text("vocabulary", wildcards.scope, "job"),
        job_file=PATHS.job("vocabulary", "{scope}"),
        languages=lambda wildcards: RUN.vocabulary_languages(wildcards.scope),
        corpora=lambda wildcards: RUN.corpora_folder("vocabulary", wildcards.scope),
        folder=subpath(output[0], parent=True),
    shell:
        "begin {log:q};"
        " write_job {params.job:q} {params.job_file:q};"
        " python -m xmod.train_vocabulary --config {params.job_file:q} --corpora {params.corpora:q}"
        " --languages {params.languages} --output {params.folder:q} 2>&1 | keep_log {log:q}"


for batch in RUN.texts.encoded:

    rule:
        name:
            f"encode_{batch.name}"
        input:
            vocabulary=PATHS.vocabulary("{scope}"),
            corpora=lambda wildcards, isos=batch.isos: RUN.corpora(
                "vocabulary", wildcards.scope, isos
            ),
        output:
            PATHS.token_files("{scope}", batch.isos),
        log:
            PATHS.log("tokens", "{scope}", batch.name),
        benchmark:
            PATHS.benchmark("tokens", "{scope}", batch.name)
        conda:
            "../../envs/xmod.yaml"
        threads: WORKERS
        resources:
            mem_mb=2000 * WORKERS,
            runtime=480,
        params:
            languages=batch.isos,
            corpora=lambda wildcards: RUN.corpora_folder("vocabulary", wildcards.scope),
            folder=subpath(output[0], ancestor=2),
        shell:
            "begin {log:q};"
            " python -m xmod.encode_corpus --vocabulary {input.vocabulary:q} --corpora {params.corpora:q}"
            " --languages {params.languages} --output {params.folder:q} --threads {threads}"
            " 2>&1 | keep_log {log:q}"


for batch in RUN.added_batches:

    rule:
        name:
            f"train_added_vocabulary_{batch.name}"
        input:
            corpora=lambda wildcards, isos=batch.isos: RUN.corpora(
                "added_vocabulary", wildcards.scope, isos
            ),
        output:
            PATHS.added_vocabulary_files("{scope}", batch.isos),
        log:
            PATHS.log("added_vocabulary", "{scope}", batch.name),
        benchmark:
            PATHS.benchmark("added_vocabulary", "{scope}", batch.name)
        conda:
            "../../envs/xmod.yaml"
        threads: 4
        resources:
            mem_mb=4000,
            runtime=240,
        params:
            job=lambda wildcards: RUN.job_text("added_vocabulary", wildcards.scope, "job"),
            job_file=PATHS.job("added_vocabulary", "{scope}", f"job-{batch.name}"),
            languages=batch.isos,
            corpora=lambda wildcards: RUN.corpora_folder("added_vocabulary", wildcards.scope),
            folder=subpath(output[0], ancestor=2),
        shell:
            "begin {log:q};"
            " write_job {params.job:q} {params.job_file:q};"
            " python -m xmod.train_vocabulary --each --config {params.job_file:q} --corpora {params.corpora:q}"
            " --languages {params.languages} --output {params.folder:q} 2>&1 | keep_log {log:q}"

    rule:
        name:
            f"encode_added_{batch.name}"
        input:
            vocabularies=[PATHS.added_vocabulary("{scope}", iso) for iso in batch.isos],
            corpora=lambda wildcards, isos=batch.isos: RUN.corpora(
                "added_vocabulary", wildcards.scope, isos
            ),
        output:
            PATHS.added_token_files("{scope}", batch.isos),
        log:
            PATHS.log("added_tokens", "{scope}", batch.name),
        benchmark:
            PATHS.benchmark("added_tokens", "{scope}", batch.name)
        conda:
            "../../envs/xmod.yaml"
        threads: WORKERS
        resources:
            mem_mb=2000 * WORKERS,
            runtime=480,
        params:
            languages=batch.isos,
            corpora=lambda wildcards: RUN.corpora_folder("added_vocabulary", wildcards.scope),
            vocabularies=lambda wildcards: PATHS.added_vocabulary_folder(wildcards.scope),
            folder=subpath(output[0], ancestor=2),
        shell:
            "begin {log:q};"
            " python -m xmod.encode_corpus --each-vocabulary {params.vocabularies:q}"
            " --corpora {params.corpora:q} --languages {params.languages}"
            " --output {params.folder:q} --threads {threads} 2>&1 | keep_log {log:q}"
