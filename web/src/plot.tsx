// Pictures: lines by uPlot, the small ones as SVG. Each says in words what it shows.
import uPlot from "uplot";
import { useEffect, useRef } from "preact/hooks";
import type { CalibrationPoint, Reason } from "./api";
import { percent, short } from "./format";
import { languageNow, t } from "./words";

export interface Line { label: string; values: (number | null)[]; colour: string; dash?: number[]; points?: boolean }

// uPlot writes months in English; here they are in the page's language.
function dates(template: string): (date: Date) => string {
  const names = (options: Intl.DateTimeFormatOptions, dates: Date[]) =>
    dates.map((d) => d.toLocaleDateString(languageNow() === "zh" ? "zh-CN" : "en-GB", { ...options, timeZone: "UTC" }));
  const months = Array.from({ length: 12 }, (_, k) => new Date(Date.UTC(2024, k, 1)));
  const days = Array.from({ length: 7 }, (_, k) => new Date(Date.UTC(2024, 8, 1 + k)));  // a Sunday first
  return uPlot.fmtDate(template, {
    MMMM: names({ month: "long" }, months), MMM: names({ month: "short" }, months),
    WWWW: names({ weekday: "long" }, days), WWW: names({ weekday: "short" }, days),
  });
}

const kColours = { ink: "#1f2933", grid: "#d9dee5", band: "rgba(11, 95, 165, .15)" };

export function Lines(props: {
  label: string; x: number[]; lines: Line[]; time?: boolean; percent?: boolean; xLabel?: string;
  band?: [number, number]; height?: number;
}) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!place.current) return;
    const box = place.current;
    const axis = { stroke: kColours.ink, grid: { stroke: kColours.grid, width: 1 }, ticks: { stroke: kColours.grid } };
    const told = (_: uPlot, values: number[]) => values.map((v) => (props.percent ? `${Number((100 * v).toFixed(1))} %` : short(v)));
    const options: uPlot.Options = {
      width: Math.max(box.clientWidth, 240),
      height: props.height ?? 220,
      scales: { x: { time: props.time ?? false } },
      fmtDate: dates,
      legend: { show: props.lines.length > 1, live: false },
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "UTC"),
      axes: [{ ...axis, label: props.xLabel }, { ...axis, size: 60, values: told }],
      series: [{}, ...props.lines.map((line) => ({
        label: line.label, stroke: line.colour, width: line.dash ? 1 : 2, dash: line.dash,
        points: { show: line.points ?? false, size: 6 },
        value: (_: uPlot, v: number | null) => (v === null ? "–" : props.percent ? percent(v) : short(v)),
      }))],
      bands: props.band ? [{ series: props.band, fill: kColours.band }] : undefined,
    };
    const data = [props.x, ...props.lines.map((line) => line.values)] as uPlot.AlignedData;
    const plot = new uPlot(options, data, box);
    const watch = new ResizeObserver(() => {
      const width = Math.max(box.clientWidth, 240);
      if (Math.abs(width - plot.width) > 1) plot.setSize({ width, height: props.height ?? 220 });
    });
    watch.observe(box);
    return () => { watch.disconnect(); plot.destroy(); };
  }, [JSON.stringify(props)]);
  return <div ref={place} class="plot" role="img" aria-label={props.label} />;
}

// A hundred people, so many of them filled.
export function People(props: { value: number; label: string }) {
  const filled = Math.round(props.value * 100);
  return (
    <svg class="people" viewBox="0 0 100 100" role="img" aria-label={props.label}>
      {Array.from({ length: 100 }, (_, i) => (
        <circle cx={5 + (i % 10) * 10} cy={5 + Math.floor(i / 10) * 10} r={3.6}
          class={i < filled ? "struck" : "spared"} />
      ))}
    </svg>
  );
}

// What raises the answer to the right, what lowers it to the left, from the average on.
export function Waterfall(props: { reasons: Reason[]; base: number; describe: (reason: Reason) => string }) {
  const rows = props.reasons;
  let at = props.base;
  const steps = [...rows].reverse().map((reason) => {
    const from = at;
    at += reason.contribution;
    return { reason, from, to: at };
  }).reverse();
  const ends = [props.base, ...steps.flatMap((s) => [s.from, s.to])];
  const low = Math.min(...ends), span = Math.max(...ends) - low || 1;
  const x = (value: number) => 4 + (92 * (value - low)) / span;
  return (
    <ol class="waterfall">
      {steps.map(({ reason, from, to }) => (
        <li>
          <span class="what">{props.describe(reason)}</span>
          <svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img"
            aria-label={t(reason.contribution > 0 ? "prediction.raises" : "prediction.lowers")}>
            <line x1={x(props.base)} x2={x(props.base)} y1="0" y2="10" class="base" />
            <rect x={Math.min(x(from), x(to))} width={Math.max(Math.abs(x(to) - x(from)), 0.4)} y="1.5" height="7"
              class={reason.contribution > 0 ? "up" : "down"} />
          </svg>
          <span class={reason.contribution > 0 ? "sign up" : "sign down"} aria-hidden="true">
            {reason.contribution > 0 ? "▲" : "▼"}
          </span>
        </li>
      ))}
    </ol>
  );
}

// What was told against what happened, by tenth; bars are 95 % intervals.
export function Calibration(props: { points: CalibrationPoint[] }) {
  const top = Math.min(1, 1.1 * Math.max(...props.points.flatMap((p) => [p.told, p.high ?? p.seen]), 0.02));
  const x = (v: number) => 46 + (340 * Math.min(v, top)) / top, y = (v: number) => 310 - (290 * Math.min(v, top)) / top;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((f) => f * top);
  return (
    <svg class="calibration" viewBox="0 0 400 350" role="img" aria-label={t("model.calibration.says")}>
      {ticks.map((v) => (
        <g>
          <line x1={46} x2={386} y1={y(v)} y2={y(v)} class="grid" />
          <text x={40} y={y(v) + 4} text-anchor="end">{percent(v)}</text>
          <text x={x(v)} y={327} text-anchor="middle">{percent(v)}</text>
        </g>
      ))}
      <line x1={x(0)} y1={y(0)} x2={x(top)} y2={y(top)} class="ideal" />
      {props.points.map((p) => (
        <g>
          {p.low !== null && p.high !== null && <line x1={x(p.told)} x2={x(p.told)} y1={y(p.low)} y2={y(p.high)} class="bar" />}
          <circle cx={x(p.told)} cy={y(p.seen)} r={4.5} class="dot" />
        </g>
      ))}
      <text x={216} y={346} text-anchor="middle">{t("model.calibration.told")}</text>
      <text x={12} y={165} text-anchor="middle" transform="rotate(-90 12 165)">{t("model.calibration.seen")}</text>
    </svg>
  );
}
