//! The page's style: light and dark, narrow and wide, on paper. Colours are far apart for colour-blind eyes, too, and lines
//! differ by their dashes besides.

pub(super) const STYLE: &str = "
:root{color-scheme:light dark;--page:#fff;--text:#1b1f24;--soft:#57606a;--edge:#d0d7de;--box:#f6f8fa;--good:#1a7f37;\
--bad:#b3261e;--i1:#0072b2;--i2:#c75b00;--i3:#00835c;--i4:#a83279;--limit:#1b1f24}
@media(prefers-color-scheme:dark){:root{--page:#0f1317;--text:#e6e9ec;--soft:#a3adb8;--edge:#39424c;--box:#181e24;\
--good:#56d364;--bad:#ff8a80;--i1:#56b4e9;--i2:#f0a030;--i3:#2fcf9f;--i4:#f08cc8;--limit:#e6e9ec}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{max-width:80rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem;line-height:1.25;margin:1rem 0 .5rem}
h2{font-size:1.2rem;margin:2rem 0 .5rem}
h3{font-size:1rem;margin:0}
p{margin:.25rem 0;max-width:70rem;overflow-wrap:anywhere}
code,pre{font:.85rem/1.5 ui-monospace,monospace}
pre,.command{background:var(--box);border:1px solid var(--edge);border-radius:6px;padding:.6rem .8rem;margin:.5rem 0;\
white-space:pre-wrap;overflow-wrap:anywhere}
.verdict{border:1px solid var(--edge);border-left:.5rem solid var(--good);border-radius:6px;padding:.6rem 1rem;\
margin:.8rem 0;background:var(--box)}
.verdict.failed{border-left-color:var(--bad)}
.verdict strong{font-size:1.1rem}
.met{color:var(--good);font-weight:600}
.missed{color:var(--bad);font-weight:600}
.soft,figcaption p{color:var(--soft);font-size:.9rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;margin:.5rem 0}
th,td{padding:.2rem .9rem .2rem 0;text-align:right;border-bottom:1px solid var(--edge);\
font-variant-numeric:tabular-nums;vertical-align:top}
td{white-space:nowrap}
th:first-child{text-align:left}
th{font-weight:400}
thead th{color:var(--soft)}
.tables{display:flex;flex-wrap:wrap;gap:0 3rem}
.tables section{min-width:0;max-width:100%}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,23rem),1fr));gap:1rem}
figure{margin:0;padding:.8rem;border:1px solid var(--edge);border-radius:6px;min-width:0;display:flex;flex-direction:column}
.picture{width:100%;max-width:40rem;height:auto;display:block;margin-top:auto}
figure details{margin-top:.4rem;font-size:.9rem}
summary{cursor:pointer;color:var(--soft)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.1rem 1rem;margin:.3rem 0;padding:0;font-size:.85rem}
.legend svg{width:26px;height:12px;margin-right:.4rem;vertical-align:-1px}
svg text{font:12.5px system-ui,sans-serif;fill:var(--text);stroke:var(--page);stroke-width:3px;paint-order:stroke}
@media(max-width:30rem){svg text{font-size:14.5px}}
.grid{stroke:var(--edge);stroke-width:1}
.tick,.axis{stroke:var(--soft);stroke-width:1}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.line.i1{stroke:var(--i1)}
.line.i2{stroke:var(--i2);stroke-dasharray:7 3}
.line.i3{stroke:var(--i3);stroke-dasharray:2 2.5}
.line.i4{stroke:var(--i4);stroke-dasharray:9 3 2 3}
.line.limit{stroke:var(--limit);stroke-width:1.5;stroke-dasharray:4 4}
.line.mark{stroke:var(--soft);stroke-width:1.5;stroke-dasharray:2 3}
.area{stroke:var(--page);stroke-width:1}
.area.i1{fill:var(--i1)}
.area.i2{fill:var(--i2)}
.area.i3{fill:var(--i3)}
.area.i4{fill:var(--i4)}
@media print{body{font-size:11pt}figure{break-inside:avoid}main{max-width:none;padding:0}}
";
