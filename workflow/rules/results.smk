# What a person reads: one long table of metrics, figures and tables.


rule write_grid:
    """Write the grid's points, their axes and cells."""
    output:
        PATHS.summary("grid.json"),
    log:
        PATHS.log("write_grid"),
    localrule: True
    conda:
        "../../envs/xmod.yaml"
    params:
        text=RUN.grid_text(),
    shell:
        "printf '%s\n' {params.text:q} > {output:q} 2> {log:q}"


rule aggregate:
    """Gather every score into one long table."""
    input:
        grid=PATHS.summary("grid.json"),
        scores=RUN.perplexities() + RUN.tasks.all_selected(),
    output:
        metrics=PATHS.summary("metrics.csv"),
        manifest=PATHS.summary("metrics.manifest.json"),
    log:
        PATHS.log("aggregate"),
    localrule: True
    conda:
        "../../envs/xmod.yaml"
    params:
        code=code_digest("aggregate.py", "analysis/aggregate.py", "analysis/records.py"),
    shell:
        "python -m xmod.aggregate --grid {input.grid:q} --scores {input.scores:q}"
        " --output {output.metrics:q} 2>&1 | keep_log {log:q}"


rule gather_curves:
    """Gather the curves of every pre-training into one long table."""
    input:
        grid=PATHS.summary("grid.json"),
        histories=RUN.models.histories(),
    output:
        curves=PATHS.summary("curves.csv"),
    log:
        PATHS.log("gather_curves"),
    localrule: True
    conda:
        "../../envs/xmod.yaml"
    params:
        code=code_digest(
            "gather_curves.py",
            "analysis/curves.py",
            "analysis/aggregate.py",
            "analysis/records.py",
        ),
    shell:
        "python -m xmod.gather_curves --grid {input.grid:q} --histories {input.histories:q}"
        " --output {output.curves:q} 2>&1 | keep_log {log:q}"


rule count_corpora:
    """Count the text of every language, split by split and source by source."""
    input:
        [
            PATHS.corpus(scope, iso, "stats.json")
            for scope in RUN.scopes("corpora")
            for iso in RUN.corpus_languages
        ],
    output:
        PATHS.summary("corpora.csv"),
    log:
        PATHS.log("count_corpora"),
    localrule: True
    conda:
        "../../envs/xmod.yaml"
    params:
        code=code_digest("count_corpora.py"),
    shell:
        "python -m xmod.count_corpora --stats {input:q} --output {output:q} 2>&1 | keep_log {log:q}"


rule write_captions:
    """Write what each figure shows beside the figures, and where the tables are."""
    output:
        PATHS.figure("captions", "md"),
    log:
        PATHS.log("write_captions"),
    localrule: True
    conda:
        "../../envs/xmod.yaml"
    params:
        text=RUN.captions(),
    shell:
        "printf '%s\n' {params.text:q} > {output:q} 2> {log:q}"


rule draw_figure:
    """Draw one figure of config/figures.yaml, with the numbers it shows beside it."""
    input:
        metrics=lambda wildcards: RUN.figure_data(wildcards.figure),
        grid=PATHS.summary("grid.json"),
        languages=RUN.config.languages,
    output:
        report(
            PATHS.figure("{figure}", "png"),
            caption="../report/shown.rst",
            category="Figures",
            labels=lambda wildcards: {"title": RUN.catalogue.figure(wildcards.figure).title},
        ),
        expand(PATHS.figure("{{figure}}", "{suffix}"), suffix=("pdf", "csv", "manifest.json")),
    log:
        PATHS.log("figures", "{figure}"),
    wildcard_constraints:
        figure=RUN.figure_pattern,
    localrule: True
    conda:
        "../../envs/xmod.yaml"
    params:
        catalogue=RUN.config.catalogue,
        spec=lambda wildcards: RUN.figure_text(wildcards.figure),
        caption=lambda wildcards: RUN.catalogue.figure(wildcards.figure).caption,
        note=f"config: {RUN.config.name}",
        prefix=PATHS.figure_prefix("{figure}"),
        code=code_digest(
            "draw_figure.py",
            "analysis/figures",
            "analysis/tables/spec.py",
            "analysis/catalogue.py",
            "analysis/selection.py",
            "analysis/shown_metrics.py",
            "analysis/aggregate.py",
            "analysis/averages.py",
            "analysis/names.py",
            "analysis/records.py",
            "analysis/spec.py",
        ),
    shell:
        "python -m xmod.draw_figure --title-note {params.note:q} --figure {wildcards.figure} --figures {params.catalogue:q}"
        " --metrics {input.metrics:q} --grid {input.grid:q} --languages {input.languages:q}"
        " --output-prefix {params.prefix:q} 2>&1 | keep_log {log:q}"


rule make_table:
    """Write one table as Markdown, LaTeX and CSV."""
    input:
        metrics=PATHS.summary("metrics.csv"),
        grid=PATHS.summary("grid.json"),
        languages=RUN.config.languages,
    output:
        report(
            PATHS.table("{table}", "csv"),
            caption="../report/shown.rst",
            category="Tables",
            labels=lambda wildcards: {"title": RUN.catalogue.table(wildcards.table).title},
        ),
        expand(PATHS.table("{{table}}", "{suffix}"), suffix=("md", "tex", "manifest.json")),
    log:
        PATHS.log("tables", "{table}"),
    localrule: True
    conda:
        "../../envs/xmod.yaml"
    params:
        catalogue=RUN.config.catalogue,
        spec=lambda wildcards: RUN.table_text(wildcards.table),
        caption=lambda wildcards: RUN.catalogue.table(wildcards.table).caption,
        prefix=PATHS.table_prefix("{table}"),
        code=code_digest(
            "make_table.py",
            "analysis/tables",
            "analysis/figures/spec.py",
            "analysis/catalogue.py",
            "analysis/published.py",
            "analysis/selection.py",
            "analysis/shown_metrics.py",
            "analysis/aggregate.py",
            "analysis/averages.py",
            "analysis/names.py",
            "analysis/records.py",
            "analysis/spec.py",
        ),
    shell:
        "python -m xmod.make_table --table {wildcards.table} --figures {params.catalogue:q}"
        " --grid {input.grid:q} --metrics {input.metrics:q}"
        " --languages {input.languages:q} --output-prefix {params.prefix:q} 2>&1 | keep_log {log:q}"
