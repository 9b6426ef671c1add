"""How the pages of `html_page` look."""

from __future__ import annotations

STYLE = """
:root {
  --paper: #fbfaf7; --ink: #1f2328; --pale: #626a73; --line: #dcd9d1; --card: #ffffff;
  --accent: #0b5cad; --shade: #1f232838;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --ink: #e4e6e9; --pale: #9aa3ad; --line: #343a42; --card: #1d2127;
    --accent: #7db7f5; --shade: #00000099;
  }
}
* { box-sizing: border-box; }
html { font: 17px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 1.5rem 1.1rem 4rem; max-width: 62rem;
  color: var(--ink); background: var(--paper); overflow-wrap: break-word; }
h1, h2, h3 { font-weight: 650; line-height: 1.25; text-wrap: balance; }
h1 { margin: .6rem 0 .8rem; font-size: clamp(1.55rem, 5vw, 2.2rem); letter-spacing: -.015em; }
h2 { margin: 3.2rem 0 .8rem; padding-top: 1rem; border-top: 1px solid var(--line);
  font-size: 1.4rem; }
h3 { margin: 2rem 0 .5rem; font-size: 1.08rem; }
p, ul, figcaption { max-width: 44rem; }
p { margin: .7rem 0; }
a { color: var(--accent); }
nav li { margin: 0; }
nav ul { display: flex; flex-wrap: wrap; gap: .35rem 1.2rem; margin: 1.4rem 0 0; padding: 0;
  max-width: none; list-style: none; font-size: .93rem; }
nav a { display: inline-block; padding: .15rem 0; }
li { margin: .3rem 0; }
.note, figcaption, dt, .name, .remark { color: var(--pale); }
.note, figcaption { font-size: .9rem; line-height: 1.5; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr));
  gap: .8rem; margin: 1.4rem 0; }
.card { padding: .8rem 1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; }
.name, .remark { font-size: .83rem; line-height: 1.4; }
.number { margin: .15rem 0; font-size: 1.65rem; font-weight: 650; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
dl { margin: 1rem 0; }
dl > div { display: grid; grid-template-columns: minmax(7rem, 13rem) minmax(0, 1fr);
  gap: .1rem 1.2rem; padding: .45rem 0; border-bottom: 1px solid var(--line); }
dd { margin: 0; }
dd pre { margin: 0; }
@media (max-width: 34rem) { dl > div { grid-template-columns: minmax(0, 1fr); } }
.scroll { max-width: 100%; overflow-x: auto; }
/* A shade at the side to which there is more to be scrolled. */
.scroll:not(.picture) { background:
  linear-gradient(to right, var(--paper) 50%, transparent) left / 2rem 100% local,
  linear-gradient(to left, var(--paper) 50%, transparent) right / 2rem 100% local,
  linear-gradient(to right, var(--shade), transparent) left / .7rem 100%,
  linear-gradient(to left, var(--shade), transparent) right / .7rem 100%;
  background-repeat: no-repeat; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .42rem .8rem; text-align: right; vertical-align: top; }
th { font-weight: 600; }
td { white-space: nowrap; }
th:first-child { padding-left: 0; text-align: left; }
th small { display: block; min-width: 9rem; color: var(--pale); font-weight: 400; }
@media (max-width: 34rem) { th, td { padding: .42rem .35rem; } }
.text th, .text td { text-align: left; }
.text td { min-width: 10rem; white-space: normal; }
thead th { vertical-align: bottom; color: var(--pale); font-size: .83rem; line-height: 1.3;
  border-bottom: 1px solid var(--pale); }
tbody th, tbody td { border-bottom: 1px solid var(--line); }
figure { margin: 1.4rem 0 2.2rem; }
.picture { margin: 0; padding: .4rem; background: #ffffff; border: 1px solid var(--line);
  border-radius: .6rem; }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
img.tall { max-width: min(100%, 36rem); }
@media (max-width: 48rem) {
  img { max-width: none; width: 34rem; }
  img.wide { width: 46rem; }
  img.tall { max-width: none; width: 30rem; }
}
figcaption { margin-top: .6rem; }
details { margin: 1rem 0; }
summary { cursor: pointer; color: var(--accent); }
pre, code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .86em; }
pre { max-width: 100%; overflow-x: auto; padding: .8rem 1rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; line-height: 1.45; }
@media print {
  body { max-width: none; padding: 0; background: none; }
  figure, .card, tr { break-inside: avoid; }
  nav { display: none; }
}
"""
