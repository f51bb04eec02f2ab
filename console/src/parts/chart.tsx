// A line chart over time, with a sentence for whoever does not see it.
import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';

export type Line = { title: string; values: (number | null)[]; token: string; isDashed?: boolean };
const HEIGHT = 220;

const colour = (token: string) => getComputedStyle(document.documentElement).getPropertyValue(token).trim();

/** Where the ticks of an axis of seconds may stand. */
export const SPANS = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400];

/** The time of each tick in UTC; the day where it begins. */
function clock(_chart: uPlot, ticks: number[], _axis: number, _space: number, step: number): string[] {
  return ticks.map((each, at) => {
    const [day = '', time = ''] = new Date(each * 1000).toISOString().split('T');
    const shown = time.slice(0, step < 60 ? 8 : 5);
    return at === 0 || time.startsWith('00:00:00') ? `${shown}\n${day}` : shown;
  });
}

/** `at`: seconds since 1970. `steps`: between ticks, of a value that is not decimal. `says`: the chart in one sentence. `figure`: how a value is written at the axis. */
export function Chart({ at, lines, says, figure, steps }: { at: number[]; lines: Line[]; says: string; figure: (value: number) => string; steps?: number[] }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const inside = box.current!;
    const draw = () => new uPlot(options(inside.clientWidth, lines, figure, steps), [at, ...lines.map((each) => each.values)], inside);
    let chart = draw();
    const again = () => {
      chart.destroy();
      chart = draw();
    };
    const wide = new ResizeObserver(() => chart.setSize({ width: inside.clientWidth, height: HEIGHT }));
    const theme = new MutationObserver(again);
    wide.observe(inside);
    theme.observe(document.documentElement, { attributeFilter: ['class'] });
    return () => {
      wide.disconnect();
      theme.disconnect();
      chart.destroy();
    };
  }, [at, lines, figure, steps]);
  return <div ref={box} role="img" aria-label={says} className="chart" />;
}

function options(width: number, lines: Line[], figure: (value: number) => string, steps?: number[]): uPlot.Options {
  const axis = { stroke: colour('--pf-t--global--text--color--regular'), grid: { stroke: colour('--pf-t--global--border--color--default'), width: 1 } };
  return {
    width,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    scales: { y: { range: (_chart, _least, most) => [0, (most || 1) * 1.1] } },
    legend: { live: false },
    axes: [{ ...axis, space: 80, values: clock }, { ...axis, size: 90, ...(steps && { incrs: steps }), values: (_chart, ticks) => ticks.map(figure) }],
    series: [{}, ...lines.map((each) => ({
      label: each.title, stroke: colour(each.token), width: 2, points: { show: false },
      value: (_chart: uPlot, value: number | null) => (value === null ? '' : figure(value)),
      ...(each.isDashed && { dash: [6, 4] }),
    }))],
  };
}
