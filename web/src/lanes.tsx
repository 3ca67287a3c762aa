// A patient's record as lanes over one axis of time: episodes as bars, facts as ticks, measurements
// as small lines. What the picture shows stands in the table below it too.
import { useMemo, useState } from "preact/hooks";
import type { Fact, Timeline } from "./api";
import { day, recorded } from "./format";
import { t, word } from "./words";

const kWidth = 1000, kLeft = 190, kRow = 26;
const kLanes = ["encounters", "diagnoses", "procedures", "medicines", "notes", "other"];
const kMeasurements = 12;  // at first

interface Scale { low: number; high: number; x: (time: number) => number }

function scaleOf(line: Timeline, asOf: number): Scale {
  // Birth alone would press the rest together.
  const times = line.events.filter((e) => e.time !== null && line.codes[e.code]!.lane !== "person").map((e) => e.time!);
  const low = times.length ? times.reduce((a, b) => Math.min(a, b)) : asOf - 1;
  const high = Math.max(asOf, low + 1);
  return { low, high, x: (time) => kLeft + ((kWidth - kLeft - 12) * (time - low)) / (high - low) };
}

function ticksOf(scale: Scale): number[] {
  return [0, 0.25, 0.5, 0.75, 1].map((f) => scale.low + f * (scale.high - scale.low));
}

// Starts with the ends that follow them.
function episodes(events: Fact[], line: Timeline): { from: number; to: number | null; code: number }[] {
  const open = new Map<string, { from: number; to: number | null; code: number }[]>();
  const all: { from: number; to: number | null; code: number }[] = [];
  for (const event of events) {
    if (event.time === null) continue;
    const code = line.codes[event.code]!.code;
    const kind = code.replace(/_(START|END)/, "").split("//").slice(0, 2).join("//");
    if (code.includes("_END")) {
      const last = open.get(kind)?.pop();
      if (last) last.to = event.time;
      continue;
    }
    const one = { from: event.time, to: null, code: event.code };
    all.push(one);
    if (code.includes("_START")) open.set(kind, [...(open.get(kind) ?? []), one]);
  }
  return all;
}

function Label(props: { y: number; text: string; picked?: boolean; pick?: () => void }) {
  const text = props.text.length > 26 ? `${props.text.slice(0, 25)}…` : props.text;
  return (
    <text x={4} y={props.y + 17} class={props.pick ? (props.picked ? "label picked" : "label can-pick") : "label"}
      onClick={props.pick}><title>{props.text}</title>{text}</text>
  );
}

export function Picture(props: { line: Timeline; mark: number | null; code: string; pick: (code: string) => void }) {
  const { line } = props;
  const [all, setAll] = useState(false);
  const scale = useMemo(() => scaleOf(line, Date.parse(line.as_of)), [line]);
  const lanes = kLanes.map((lane) => ({ lane, events: line.events.filter((e) => line.codes[e.code]!.lane === lane) }))
    .filter((one) => one.events.length > 0);
  const measured = useMemo(() => {
    // One line for each unit: 100 mg/dL and 7.5 mmol/L are no fall.
    const by = new Map<string, Fact[]>();
    for (const e of line.events) {
      if (e.time === null || e.number === undefined || line.codes[e.code]!.lane !== "measurements") continue;
      const key = `${e.code} ${e.unit ?? ""}`;
      const facts = by.get(key);
      if (facts) facts.push(e); else by.set(key, [e]);
    }
    return [...by.values()].sort((a, b) => b.length - a.length);
  }, [line]);
  const codeOf = (facts: Fact[]) => line.codes[facts[0]!.code]!;
  const picked = measured.filter((facts) => codeOf(facts).code === props.code);
  const some = all ? measured : [...picked, ...measured.filter((m) => !picked.includes(m)).slice(0, kMeasurements)];
  const height = 30 + kRow * (lanes.length + some.length);
  return (
    <>
      <svg class="lanes" viewBox={`0 0 ${kWidth} ${height}`} role="img" aria-label={t("patient.picture.says", {
        from: day(scale.low), to: day(scale.high), n: line.events.length })}>
        {ticksOf(scale).map((time) => (
          <g>
            <line x1={scale.x(time)} x2={scale.x(time)} y1={0} y2={height - 22} class="grid" />
            <text x={scale.x(time)} y={height - 6} text-anchor={time === scale.high ? "end" : "middle"}>{day(time)}</text>
          </g>
        ))}
        {props.mark !== null && <line x1={scale.x(props.mark)} x2={scale.x(props.mark)} y1={0} y2={height - 22} class="mark" />}
        {lanes.map(({ lane, events }, row) => (
          <g class={`lane ${lane}`}>
            <Label y={row * kRow} text={word("lane", lane)} />
            {episodes(events, line).map((e) => (
              <rect x={scale.x(e.from)} y={row * kRow + 6} height={14} rx={2}
                width={Math.max(e.to === null ? 3 : scale.x(e.to) - scale.x(e.from), 3)}>
                <title>{`${day(e.from)} ${line.codes[e.code]!.meaning || line.codes[e.code]!.code}`}</title>
              </rect>
            ))}
          </g>
        ))}
        {some.map((facts, k) => (
          <Sparkline y={(lanes.length + k) * kRow} facts={facts} scale={scale} name={codeOf(facts).meaning || codeOf(facts).code}
            picked={codeOf(facts).code === props.code} pick={() => props.pick(codeOf(facts).code)} />
        ))}
      </svg>
      {measured.length > some.length && (
        <button type="button" onClick={() => setAll(true)}>{t("patient.all.lines", { n: measured.length })}</button>
      )}
    </>
  );
}

function Sparkline(props: { y: number; facts: Fact[]; scale: Scale; name: string; picked: boolean; pick: () => void }) {
  const values = props.facts.map((f) => f.number!);
  const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
  const span = high - low || 1;
  const at = (f: Fact) => `${props.scale.x(f.time!).toFixed(1)},${(props.y + 21 - (16 * (f.number! - low)) / span).toFixed(1)}`;
  const last = props.facts[props.facts.length - 1]!;
  const [x, y] = at(last).split(",");
  return (
    <g class="lane measurements">
      <Label y={props.y} text={`${props.name}: ${recorded(last.number!)}${last.unit ? ` ${last.unit}` : ""}`} picked={props.picked} pick={props.pick} />
      <polyline points={props.facts.map(at).join(" ")}>
        <title>{`${props.name} ${recorded(low)} – ${recorded(high)}`}</title>
      </polyline>
      <circle cx={x} cy={y} r={2.5} />
    </g>
  );
}
