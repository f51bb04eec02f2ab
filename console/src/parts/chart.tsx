// A line chart over time, with a sentence for whoever does not see it.
import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';

export type Line = { title: string; values: (number | null)[]; token: string; isDashed?: boolean };
const HEIGHT = 220;

const colour = (token: string) => getComputedStyle(document.documentElement).getPropertyValue(token).trim();

/** `at`: seconds since 1970. `says`: the chart in one sentence. `figure`: how a value is written at the axis. */
export function Chart({ at, lines, says, figure }: { at: number[]; lines: Line[]; says: string; figure: (value: number) => string }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const inside = box.current!;
    const draw = () => new uPlot(options(inside.clientWidth, lines, figure), [at, ...lines.map((each) => each.values)], inside);
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
  }, [at, lines, figure]);
  return <div ref={box} role="img" aria-label={says} className="chart" />;
}

function options(width: number, lines: Line[], figure: (value: number) => string): uPlot.Options {
  const axis = { stroke: colour('--pf-t--global--text--color--regular'), grid: { stroke: colour('--pf-t--global--border--color--default'), width: 1 } };
  return {
    width,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    scales: { y: { range: (_chart, _least, most) => [0, (most || 1) * 1.1] } },
    axes: [axis, { ...axis, size: 70, values: (_chart, ticks) => ticks.map(figure) }],
    series: [{}, ...lines.map((each) => ({
      label: each.title, stroke: colour(each.token), width: 2, points: { show: false },
      value: (_chart: uPlot, value: number | null) => (value === null ? '' : figure(value)),
      ...(each.isDashed && { dash: [6, 4] }),
    }))],
  };
}
