# What the results say of the paper's claims, and what its printed numbers say of each other.


rule judge_claims:
    """Test the declared claims on the results, with whatever is there so far."""
    input:
        claims=RUN.config.claims or [],
        metrics=PATHS.summary("metrics.csv"),
        grid=PATHS.summary("grid.json"),
        languages=RUN.config.languages,
    output:
        page=PATHS.page("claims.md"),
        beside=expand(PATHS.page("claims.{suffix}"), suffix=("csv", "json", "manifest.json")),
    log:
        PATHS.log("judge_claims"),
    localrule: True
    conda:
        "../../envs/xmod.yaml"
    params:
        note=f"config: {RUN.config.name}",
        code=code_digest(
            "judge_claims.py",
            "analysis/claims",
            "analysis/aggregate.py",
            "analysis/names.py",
            "analysis/records.py",
            "analysis/spec.py",
        ),
    shell:
        "python -m xmod.judge_claims --title-note {params.note:q} --claims {input.claims:q}"
        " --metrics {input.metrics:q} --grid {input.grid:q} --languages {input.languages:q}"
        " --output {output.page:q} 2>&1 | keep_log {log:q}"


rule audit_paper:
    """Check the paper's printed numbers against each other."""
    input:
        languages=RUN.config.languages,
    output:
        PATHS.page("paper_audit.md"),
    log:
        PATHS.log("audit_paper"),
    localrule: True
    conda:
        "../../envs/xmod.yaml"
    params:
        code=code_digest(
            "audit_paper.py",
            "analysis/audit.py",
            "analysis/audit_page.py",
            "analysis/names.py",
            "analysis/published.py",
            "analysis/published_results.csv",
        ),
    shell:
        "python -m xmod.audit_paper --languages {input.languages:q} --output {output:q}"
        " 2>&1 | keep_log {log:q}"
