"""The look of the report: one style sheet, for light and dark screens and for paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fbfbf9; --card: #ffffff; --ink: #1d1f23; --soft: #5f6570; --line: #dcdedb;
  --accent: #0b66c3; --good: #14793c; --bad: #b3261e; --heat: 11, 102, 195;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14161a; --card: #1c1f25; --ink: #e7e9ec; --soft: #a2a9b5; --line: #363b45;
    --accent: #6cb2ff; --good: #63cf8b; --bad: #ff8f85; --heat: 108, 178, 255;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
main { max-width: 72rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .25rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h3 { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
p.note { margin: 0 0 1rem; color: var(--soft); max-width: 48rem; }
code, .mono { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .9em; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem; }
.wide { overflow-x: auto; }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(21rem, 1fr)); }
.stack { display: grid; gap: 1rem; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 1rem 0 0; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { font-weight: 600; color: var(--soft); }
tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
td.text { overflow-wrap: anywhere; white-space: pre-wrap; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.soft { color: var(--soft); }
img.picture { image-rendering: pixelated; background: #fff; border: 1px solid var(--line); border-radius: 4px; }
audio { width: 17rem; max-width: 100%; height: 2.2rem; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 11px; font-family: inherit; }
svg text.title { fill: var(--ink); font-size: 12px; }
svg .axis { stroke: var(--line); stroke-width: 1; }
svg .curve { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .point { fill: var(--accent); }
svg .baseline { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 5 4; }
svg text.baseline-label { fill: var(--bad); }
svg .cell { fill: rgb(var(--heat)); }
svg .frame { fill: none; stroke: var(--line); }
svg text.row { fill: var(--ink); font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
footer { margin-top: 3rem; color: var(--soft); font-size: .9rem; }
@media print { .card { break-inside: avoid; } }
"""
