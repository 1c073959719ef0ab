# Figures of the architecture (X-MOD figures 1 and 3): drawn from cells' configurations, not results.

for figure in RUN.architectures:

    rule:
        name:
            f"draw_{figure}"
        input:
            languages=RUN.config.languages,
        output:
            [PATHS.figure(figure, suffix) for suffix in ("pdf", "png", "csv", "manifest.json")],
        log:
            PATHS.log("figures", figure),
        localrule: True
        conda:
            "../../envs/xmod.yaml"
        params:
            job=RUN.architecture_text(figure),
            job_file=PATHS.figure(figure, "job.json"),
            note=f"config: {RUN.config.name}",
            prefix=lambda wildcards, figure=figure: PATHS.figure_prefix(figure),
            code=code_digest(
                "draw_architecture.py",
                "architecture.py",
                "analysis/figures",
                "analysis/averages.py",
                "analysis/names.py",
                "analysis/records.py",
                "analysis/selection.py",
                "analysis/spec.py",
            ),
        shell:
            "write_job {params.job:q} {params.job_file:q};"
            " python -m xmod.draw_architecture --job {params.job_file:q}"
            " --languages {input.languages:q} --output-prefix {params.prefix:q}"
            " --title-note {params.note:q} 2>&1 | keep_log {log:q}"
