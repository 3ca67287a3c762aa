#include "report/style.h"

namespace cangong {

std::string report_style() {
  return R"(
:root{--ink:#1d2733;--soft:#5b6775;--line:#d9dfe6;--page:#fff;--box:#f5f7fa;--accent:#0b6e6e;
--c0:#0b6e6e;--c1:#c8553d;--c2:#5b5ea6;--c3:#b8860b;--c4:#4f772d;--c5:#8d6b94}
@media (prefers-color-scheme:dark){:root{--ink:#e4e9ee;--soft:#9aa7b4;--line:#33404d;--page:#12181f;
--box:#1b232c;--accent:#4fc1b6;--c0:#4fc1b6;--c1:#f08a70;--c2:#9fa2e8;--c3:#e0b84c;--c4:#9ccc65;
--c5:#c9a5d1}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:960px;padding:0 20px 60px;color:var(--ink);background:var(--page);
font:16px/1.55 system-ui,"Noto Sans","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif}
input[name=language]{position:absolute;opacity:0}
nav{float:right;padding-top:26px}nav label{cursor:pointer;color:var(--soft);margin-left:14px}
body:has(#en:checked) label[for=en],body:has(#zh:checked) label[for=zh]{color:var(--accent);
font-weight:600;border-bottom:2px solid}
body:has(#en:focus-visible) label[for=en],body:has(#zh:focus-visible) label[for=zh]{
outline:2px solid}
body:has(#en:checked) :is(span,text)[lang=zh],body:has(#zh:checked) :is(span,text)[lang=en]{
display:none}
h1{font-size:28px;margin:24px 0 4px}h2{font-size:20px;margin:40px 0 8px;border-bottom:1px solid
var(--line);padding-bottom:4px}h3{font-size:16px;margin:22px 0 4px}
.tiles{display:flex;flex-wrap:wrap;gap:14px;margin-top:20px}
.tile{flex:1 1 180px;background:var(--box);border-radius:10px;padding:14px 16px;display:flex;
flex-direction:column}.tile b{font-size:30px;color:var(--accent);line-height:1.1}
.tile small{color:var(--soft)}
figure{margin:8px 0;max-width:460px}.pair{display:flex;flex-wrap:wrap;gap:20px}
.pair figure{flex:1 1 380px}
svg{width:100%;height:auto}svg.wide{max-width:760px}
.grid{stroke:var(--line);stroke-width:1}.tick{fill:var(--soft);font-size:11px}
.axis,.label{fill:var(--ink);font-size:12px}.ideal{stroke:var(--soft);stroke-dasharray:4 4}
.line{fill:none;stroke-width:2}.dashed{stroke-dasharray:5 4}.band{opacity:.15;stroke:none}
.whisker{stroke-width:1.5}.dot{stroke:none}.box{fill:var(--box);stroke:var(--line)}
.arrow{fill:none;stroke:var(--soft)}.bar{stroke:none}.up{fill:var(--c1)}.down{fill:var(--c0)}
path.c0,line.c0{stroke:var(--c0)}path.c1,line.c1{stroke:var(--c1)}path.c2,line.c2{stroke:var(--c2)}
path.c3,line.c3{stroke:var(--c3)}path.c4,line.c4{stroke:var(--c4)}path.c5,line.c5{stroke:var(--c5)}
circle.c0,rect.c0,polygon.c0{fill:var(--c0)}circle.c1,polygon.c1{fill:var(--c1)}
circle.c2,polygon.c2{fill:var(--c2)}circle.c3,polygon.c3{fill:var(--c3)}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px;color:var(--soft)}
.key{display:inline-block;width:14px;height:4px;margin-right:6px;vertical-align:middle}
i.c0{background:var(--c0)}i.c1{background:var(--c1)}i.c2{background:var(--c2)}
i.c3{background:var(--c3)}i.c4{background:var(--c4)}i.c5{background:var(--c5)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:14px}
th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
td small{color:var(--soft);white-space:nowrap}.card th{font-weight:500;color:var(--soft);
white-space:nowrap}.note{background:var(--box);border-left:4px solid var(--c3);padding:8px 12px}
pre{background:var(--box);padding:12px;overflow-x:auto;font-size:13px}
code{word-break:break-all;font-size:13px}summary{cursor:pointer;margin-top:10px}
@media print{body{max-width:none;font-size:13px}nav{display:none}h2,h3,h2+p{break-after:avoid}
.pair{display:block}.pair figure{display:inline-block;width:47%}figure,svg,.tile{
break-inside:avoid}details{display:none}}
)";
}

}  // namespace cangong
