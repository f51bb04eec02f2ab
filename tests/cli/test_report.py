"""The report of two simulated sites, in all its forms."""

import csv
import json

import pytest

pytestmark = pytest.mark.slow


def test_the_report_is_told_and_written_as_page_pdf_and_tables(cli, protected, tmp_path):
    told = cli.must("report")
    assert "machines protected" in told.out
    assert "All of it: --html FILE" in told.out
    page, pdf, folder = tmp_path / "r.html", tmp_path / "r.pdf", tmp_path / "tables"
    wrote = cli.must(f"report --html {page} --pdf {pdf} --csv {folder}").out
    assert wrote.count("wrote ") == 10
    assert protected in page.read_text()
    assert pdf.read_bytes().startswith(b"%PDF")
    assert protected in (folder / "machines.csv").read_text("utf-8-sig")
    for file in folder.glob("*.csv"):
        header = next(csv.reader(file.read_text("utf-8-sig").splitlines()))
        assert len(set(header)) == len(header), "who reads it by its columns knows each from the others"


def test_json_is_what_the_vault_answers_whatever_else_is_written(cli, protected, tmp_path):
    told = cli.must(f"report --json --html {tmp_path}/r.html")
    found = json.loads(told.out)
    assert protected in {each["machine"] for each in found["machines"]}
    assert (tmp_path / "r.html").exists()


def test_a_file_that_cannot_be_written_is_refused_with_the_option(cli, tmp_path):
    assert "Give another file with --html" in cli(f"report --html {tmp_path}/no/r.html").err
    (tmp_path / "file").write_text("")
    assert "Give another folder with --csv" in cli(f"report --csv {tmp_path}/file").err


def test_the_weekly_report_of_a_target_is_set_and_ended(cli, tmp_path):
    (tmp_path / "key").write_text("a key of the two sides")
    way = f"--webhook http://127.0.0.1:9/hook --secret-file {tmp_path}/key --disable"
    cli.must(f"notice set weekly {way} --weekly-report 'monday 07:00'")
    assert "monday 07:00 UTC" in cli.must("notice show weekly").out
    assert "no day of the week" in cli("notice set weekly --weekly-report 'noon'").err
    cli.must("notice set weekly --weekly-report none")
    assert cli.must("notice show weekly --json").json["wanted"]["weekly_report"] is None
    cli.must("notice delete weekly --yes")
