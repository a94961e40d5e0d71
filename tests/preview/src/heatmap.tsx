/** A heatmap of a histogram's buckets, drawn plainly: Grafana's own is not in its packages. */

import { type DataFrame, type GrafanaTheme2, formattedValueToString, getValueFormat } from '@grafana/data';
import { interpolateBlues } from 'd3-scale-chromatic';

import { type Board, type Panel } from './answers';
import { Axis, place } from './time';

const LEFT = 60;
const AXIS = 22;

/** Buckets from the lowest up, each without those below it. */
function buckets(frames: DataFrame[]): Array<{ le: number; counts: Map<number, number> }> {
  const cumulative = frames
    .map((frame) => ({
      le: Number(frame.fields[1].labels?.le.replace('Inf', 'Infinity')),
      counts: new Map<number, number>(frame.fields[0].values.map((at: number, index: number) => [at, frame.fields[1].values[index] ?? 0])),
    }))
    .sort((a, b) => a.le - b.le);
  return cumulative.map(({ le, counts }, index) => ({
    le,
    counts: new Map([...counts].map(([at, count]) => [at, Math.max(0, count - (cumulative[index - 1]?.counts.get(at) ?? 0))])),
  }));
}

export function Heatmap(props: { panel: Panel; board: Board; frames: DataFrame[]; theme: GrafanaTheme2; width: number; height: number }) {
  const { panel, board, frames, theme, width, height } = props;
  const rows = buckets(frames);
  const most = Math.max(...rows.flatMap(({ counts }) => [...counts.values()]));
  const [plot, row] = [width - LEFT - 8, (height - AXIS) / rows.length];
  const format = getValueFormat(panel.options?.yAxis?.unit ?? 'short');
  const wide = (panel.interval / (board.to - board.from)) * plot;
  return (
    <div data-drawn={rows.length} style={{ position: 'relative', width, height, color: theme.colors.text.secondary }}>
      {rows.map(({ le, counts }, index) => (
        <div key={le}>
          <div style={{ position: 'absolute', left: 0, width: LEFT - 8, top: height - AXIS - (index + 1) * row, lineHeight: `${row}px`, textAlign: 'right', fontSize: 11 }}>
            {Number.isFinite(le) ? formattedValueToString(format(le)) : '+Inf'}
          </div>
          {[...counts].filter(([, count]) => count > 0).map(([at, count]) => (
            <div
              key={at}
              style={{
                position: 'absolute',
                left: LEFT + place(board, at / 1000, plot) - wide,
                width: Math.max(1, wide - 1),
                top: height - AXIS - (index + 1) * row,
                height: row - 1,
                background: interpolateBlues(1 - 0.9 * (count / most)),
              }}
            />
          ))}
        </div>
      ))}
      <Axis board={board} left={LEFT} width={plot} top={height - AXIS} />
    </div>
  );
}
