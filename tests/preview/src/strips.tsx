/** State timelines and status histories, drawn plainly: Grafana's own are not in its packages. */

import { type DataFrame, type Field, type GrafanaTheme2, FieldType, formattedValueToString, getFieldDisplayName } from '@grafana/data';

import { type Board, type Panel } from './answers';
import { Axis, place } from './time';

const AXIS = 22;
const LEGEND = 24;

interface Cell {
  from: number;
  to: number;
  color: string;
  text: string;
}

function cells(frame: DataFrame, field: Field, interval: number, to: number, merged: boolean): Cell[] {
  const times = frame.fields[0].values.map((at: number) => at / 1000);
  const found: Cell[] = [];
  field.values.forEach((value, index) => {
    if (value === null) {
      return;
    }
    const display = field.display!(value);
    const cell = {
      from: times[index],
      to: Math.min(times[index] + interval, to),
      color: display.color ?? 'transparent',
      text: formattedValueToString(display),
    };
    const last = found[found.length - 1];
    if (merged && last && last.color === cell.color && cell.from - last.to < 1) {
      last.to = cell.to;
    } else {
      found.push(cell);
    }
  });
  return found;
}

/** What the colours mean: mapped values, else thresholds. */
function states(field: Field): Array<{ color: string; text: string }> {
  const mappings = (field.config.mappings ?? []).flatMap((mapping) =>
    mapping.type === 'value' ? Object.values(mapping.options) : []
  );
  if (mappings.length) {
    return mappings.map(({ color, text }) => ({ color: color ?? '', text: text ?? '' }));
  }
  return (field.config.thresholds?.steps ?? []).map((step, index, steps) => {
    const text = (value: number) => formattedValueToString(field.display!(value));
    const low = index === 0 ? '' : text(step.value);
    return { color: step.color, text: index === 0 ? `< ${text(steps[1]?.value ?? 0)}` : `${low}+` };
  });
}

export function Strips(props: { panel: Panel; board: Board; frames: DataFrame[]; theme: GrafanaTheme2; width: number; height: number }) {
  const { panel, board, frames, theme, width, height } = props;
  const rows = frames.flatMap((frame) =>
    frame.fields.filter(({ type }) => type === FieldType.number).map((field) => ({ frame, field, name: getFieldDisplayName(field, frame, frames) }))
  );
  const legend = panel.options?.legend?.showLegend ? LEGEND : 0;
  const left = Math.min(width / 3, 12 + 7 * Math.max(...rows.map(({ name }) => name.length)));
  const plot = width - left - 12;
  const row = (height - AXIS - legend) / rows.length;
  const gap = row * (1 - (panel.options?.rowHeight ?? 0.9));
  const colour = (name: string) => theme.visualization.getColorByName(name);
  return (
    <div data-drawn={rows.length} style={{ position: 'relative', width, height, color: theme.colors.text.secondary }}>
      {rows.map(({ frame, field, name }, index) => (
        <div key={name}>
          <div style={{ position: 'absolute', left: 0, width: left - 8, top: index * row, lineHeight: `${row}px`, textAlign: 'right', fontSize: 12, overflow: 'hidden', whiteSpace: 'nowrap' }}>
            {name}
          </div>
          {cells(frame, field, panel.interval, board.to, panel.type === 'state-timeline').map((cell) => (
            <div
              key={cell.from}
              title={cell.text}
              style={{
                position: 'absolute',
                left: left + place(board, cell.from, plot),
                width: Math.max(1, place(board, cell.to, plot) - place(board, cell.from, plot) - (panel.type === 'status-history' ? 1 : 0)),
                top: index * row + gap / 2,
                height: row - gap,
                background: cell.color,
                opacity: 0.8,
              }}
            />
          ))}
        </div>
      ))}
      <Axis board={board} left={left} width={plot} top={height - AXIS - legend} />
      {legend > 0 && (
        <div style={{ position: 'absolute', bottom: 0, left, display: 'flex', gap: 16, fontSize: 12 }}>
          {states(rows[0].field).map(({ color, text }) => (
            <span key={text}>
              <span style={{ display: 'inline-block', width: 14, height: 4, marginRight: 6, verticalAlign: 'middle', background: colour(color) }} />
              {text}
            </span>
          ))}
        </div>
      )}
    </div>
  );
}
