"""How the HTML page looks, in light and in dark."""

from __future__ import annotations

STYLE = """
:root { --paper: #fbfaf7; --card: #ffffff; --ink: #1d1f24; --soft: #6a6f7a; --line: #e4e2dc; --grid: #efede7;
  --red: #c8321f; --amber: #b77400; --green: #2a7d4f; --blue: #2f6fb3; --violet: #8a3fa0; --grey: #7d828c;
  --now: #1d1f24; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #14161a; --card: #1b1e24; --ink: #e8e9ec; --soft: #9aa0ab; --line: #2b2f37; --grid: #23272e;
    --red: #ff7a66; --amber: #f0b24a; --green: #5cc48b; --blue: #74b0f0; --violet: #d38be6; --grey: #8b919c;
    --now: #e8e9ec; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 2.2rem 1.4rem 3rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
h1 { margin: 0; font-size: 1.7rem; letter-spacing: -0.015em; }
h2 { margin: 2.4rem 0 0.2rem; font-size: 1.15rem; overflow-wrap: anywhere; }
h2 small { color: var(--soft); font-weight: 400; margin-left: 0.4rem; }
.overview { margin: 1.6rem 0 0; border-collapse: collapse; width: 100%; font-size: 0.88rem; background: var(--card); }
.overview caption { text-align: left; color: var(--soft); padding-bottom: 0.4rem; }
.overview th, .overview td { text-align: left; padding: 0.25rem 0.7rem; border: 1px solid var(--grid);
  overflow-wrap: break-word; max-width: 22rem; }
.overview th { color: var(--soft); font-weight: 400; }
.overview a { color: inherit; font-weight: 600; }
.overview .chips { margin: 0; gap: 0.3rem 0.9rem; }
.overview .chip { border: 0; padding: 0; background: none; }
.overview strong, h2 strong { color: var(--red); font-weight: 600; }
.at { margin: 0.1rem 0 0; color: var(--soft); }
.headline { margin: 1.1rem 0 0; font-size: 1.12rem; max-width: 62ch; overflow-wrap: anywhere; }
.chips { display: flex; flex-wrap: wrap; gap: 0.5rem; list-style: none; margin: 1.1rem 0 0; padding: 0; }
.chip { border: 1px solid var(--line); background: var(--card); border-radius: 999px; padding: 0.2rem 0.8rem;
  color: var(--c); }
.chip b { color: var(--ink); margin-right: 0.15rem; }
.missing, .denied, .error { --c: var(--violet); }
.stale, .expired, .overdue { --c: var(--red); }
.unknown, .due { --c: var(--amber); }
.ok { --c: var(--green); }
.dynamic { --c: var(--blue); }
.exempt { --c: var(--grey); }
.axis, .row, .grid { display: grid; grid-template-columns: minmax(12rem, 19rem) 1fr 9.5rem; column-gap: 1.1rem; }
.scale { grid-column: 2; position: relative; height: 1.5rem; font-size: 0.78rem; color: var(--soft); }
.tick { position: absolute; bottom: 0.1rem; transform: translateX(-50%); white-space: nowrap; }
.tick.now { color: var(--paper); background: var(--now); border-radius: 3px; padding: 0 0.35rem; font-weight: 600; }
.rows { list-style: none; margin: 0; padding: 0; border: 1px solid var(--line); border-radius: 10px;
  background: var(--card); position: relative; }
.row { position: relative; padding: 0.5rem 0.9rem; margin: 0; align-items: center; border-top: 1px solid var(--grid);
  content-visibility: auto; contain-intrinsic-size: auto 3.2rem; }
.grid + .row { border-top: 0; }
.axis { padding: 0 0.9rem; border: 1px solid transparent; }
.who { min-width: 0; }
.who b, .who code { display: block; overflow-wrap: anywhere; }
.who b { font-size: 0.92rem; }
.who code { color: var(--soft); font: 0.76rem/1.35 ui-monospace, Menlo, "DejaVu Sans Mono", monospace; }
.track { position: relative; height: 1.5rem; align-self: stretch; min-height: 1.5rem; }
.track i { position: absolute; display: block; }
.past, .future, .over { top: calc(50% - 0.36rem); height: 0.72rem; min-width: 2px; }
.past { background: var(--c); border-radius: 3px 0 0 3px; }
.future { background: color-mix(in srgb, var(--c) 22%, transparent); border-radius: 0 3px 3px 0; }
.over { border-radius: 0 3px 3px 0; background: repeating-linear-gradient(135deg, var(--c) 0 4px,
  color-mix(in srgb, var(--c) 45%, var(--card)) 4px 8px); }
.overdue .past, .expired .past { background: color-mix(in srgb, var(--c) 38%, var(--card)); }
.exempt .past { background: repeating-linear-gradient(90deg, var(--c) 0 6px, transparent 6px 10px); height: 0.22rem;
  top: calc(50% - 0.11rem); }
.cut { border-radius: 0; -webkit-mask: linear-gradient(90deg, transparent, #000 1.4rem);
  mask: linear-gradient(90deg, transparent, #000 1.4rem); }
.cutend { -webkit-mask: linear-gradient(270deg, transparent, #000 1.4rem);
  mask: linear-gradient(270deg, transparent, #000 1.4rem); }
.limit { top: calc(50% - 0.62rem); height: 1.24rem; width: 3px; margin-left: -1.5px; border-radius: 2px;
  background: var(--c); }
.expiry { top: calc(50% - 0.34rem); width: 0.62rem; height: 0.62rem; margin-left: -0.31rem; transform: rotate(45deg);
  background: var(--card); border: 2px solid var(--c); }
.grid { position: absolute; inset: 0; padding: 0 0.9rem; pointer-events: none; }
.lines { grid-column: 2; position: relative; }
.lines i { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--grid); }
.lines .nowline { background: var(--now); opacity: 0.3; }
.track em { position: absolute; top: 0; line-height: 1.5rem; font-size: 0.82rem; color: var(--soft); }
.what { text-align: right; }
.pill { display: inline-block; color: var(--c); font-weight: 600; font-size: 0.88rem; }
.left { display: block; color: var(--soft); font-size: 0.8rem; }
.note { grid-column: 1 / -1; margin: 0.25rem 0 0.1rem; color: var(--soft); font-size: 0.82rem;
  overflow-wrap: anywhere; }
.row.ok .note { opacity: 0.85; }
.empty { color: var(--soft); }
.legend { margin-top: 1.2rem; color: var(--soft); font-size: 0.82rem; }
.legend h2 { margin: 0; font-size: 0.9rem; color: var(--ink); }
.legend ul { display: flex; flex-wrap: wrap; gap: 0.15rem 1.1rem; list-style: none; margin: 0.25rem 0 0; padding: 0; }
.legend b { color: var(--c); }
.dates { display: none; grid-column: 1 / -1; margin: 0.15rem 0 0; color: var(--soft); font-size: 0.82rem; }
footer { margin-top: 1.6rem; color: var(--soft); font-size: 0.82rem; }
footer p { margin: 0.25rem 0; }
.key { --c: var(--green); position: static; display: inline-block; vertical-align: -0.06rem; width: 1.5rem;
  height: 0.72rem; margin: 0 0.2rem 0 0; }
.key.limit { width: 3px; height: 1rem; vertical-align: -0.2rem; margin-right: 0.35rem; }
.key.expiry { width: 0.62rem; height: 0.62rem; margin-right: 0.4rem; vertical-align: 0; }
.key.over { --c: var(--red); }
@media screen and (max-width: 720px) {
  .axis, .grid { display: none; }
  .overview thead { display: none; }
  .overview tr { display: flex; flex-wrap: wrap; gap: 0 0.7rem; padding: 0.45rem 0.2rem;
    border-top: 1px solid var(--line); }
  .overview td { border: 0; padding: 0.1rem 0.3rem; max-width: 100%; overflow-wrap: anywhere; }
  .overview td:nth-child(n + 3) { flex-basis: 100%; }
  .overview td:nth-child(3) { color: var(--soft); }
  .row { grid-template-columns: 1fr auto; }
  .track { grid-column: 1 / -1; grid-row: 2; }
  .dates { display: block; grid-row: 3; }
  .note { grid-row: 4; }
}
@media print {
  html { font-size: 12px; }
  body { background: #fff; max-width: none; padding: 0 0.2rem; font-size: 11px; }
  .row { break-inside: avoid; content-visibility: visible; }
  .axis { break-after: avoid; }
  /* The bars are backgrounds, which browsers leave out to save ink. */
  .track i, .lines i, .tick, .key { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
"""
