/** One panel, with Grafana's own components as far as its packages have them. */

import { type DataFrame, type GrafanaTheme2, type TimeRange, FieldType, VizOrientation, getDisplayValueAlignmentFactors, getFieldDisplayValues, renderTextPanelMarkdown } from '@grafana/data';
import { BarGauge, BigValue, BigValueTextMode, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

import { type Board, type Panel } from './answers';
import { withLabels } from './fields';
import { Heatmap } from './heatmap';
import { Strips } from './strips';

export interface Drawing {
  panel: Panel;
  board: Board;
  frames: DataFrame[];
  theme: GrafanaTheme2;
  range: TimeRange;
  width: number;
  height: number;
}

const values = ({ panel, frames, theme }: Drawing, sparkline = false) =>
  getFieldDisplayValues({
    fieldConfig: panel.fieldConfig!,
    reduceOptions: panel.options!.reduceOptions,
    replaceVariables: withLabels,
    theme,
    data: frames,
    sparkline,
    timeZone: 'browser',
  });

function Stat(drawing: Drawing) {
  const { panel, theme, width, height } = drawing;
  const options = panel.options!;
  const sparkline = options.graphMode !== 'none';
  return (
    <VizRepeater
      getValues={() => values(drawing, sparkline)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, width, height, alignmentFactors, count }) => (
        <BigValue
          value={value.display}
          count={count}
          sparkline={sparkline ? value.sparkline : undefined}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode ?? BigValueTextMode.Auto}
          alignmentFactors={alignmentFactors}
          width={width}
          height={height}
          theme={theme}
        />
      )}
      width={width}
      height={height}
      source={drawing.frames}
      renderCounter={0}
      autoGrid
      orientation={options.orientation ?? VizOrientation.Auto}
    />
  );
}

function Bars(drawing: Drawing) {
  const { panel, theme, width, height } = drawing;
  const options = panel.options!;
  return (
    <VizRepeater
      getValues={() => values(drawing)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, width, height, alignmentFactors, orientation }) => (
        <BarGauge
          value={value.display}
          width={width}
          height={height}
          orientation={orientation}
          field={value.field}
          text={options.text}
          display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
          theme={theme}
          itemSpacing={8}
          displayMode={options.displayMode}
          alignmentFactors={alignmentFactors}
          showUnfilled={options.showUnfilled}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement ?? 'auto'}
        />
      )}
      width={width}
      height={height}
      source={drawing.frames}
      renderCounter={0}
      minVizWidth={8}
      minVizHeight={16}
      maxVizHeight={300}
      itemSpacing={10}
      orientation={options.orientation}
    />
  );
}

function Lines({ panel, board, frames, theme, range, width, height }: Drawing) {
  return (
    <TimeSeries frames={frames} structureRev={1} timeRange={range} timeZone="browser" width={width} height={height} legend={panel.options!.legend} options={panel.options}>
      {(config) => {
        // Annotations as Grafana draws them, without its tooltips.
        config.addHook('draw', (plot) => {
          for (const { time, color } of board.annotations) {
            const x = plot.valToPos(time * 1000, 'x', true);
            plot.ctx.save();
            plot.ctx.strokeStyle = theme.visualization.getColorByName(color);
            plot.ctx.setLineDash([5, 5]);
            plot.ctx.beginPath();
            plot.ctx.moveTo(x, plot.bbox.top);
            plot.ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
            plot.ctx.stroke();
            plot.ctx.restore();
          }
        });
        return null;
      }}
    </TimeSeries>
  );
}

function Table({ panel, frames, range, width, height }: Drawing) {
  const options = panel.options!;
  return (
    <TableNG
      data={frames[0]}
      width={width}
      height={height}
      noHeader={!options.showHeader}
      showTypeIcons={false}
      resizable
      sortBy={options.sortBy}
      cellHeight={options.cellHeight}
      timeRange={range}
      fieldConfig={panel.fieldConfig}
      structureRev={1}
      enableVirtualization={false}
    />
  );
}

function Words({ panel }: Drawing) {
  return <div className="markdown-html" style={{ padding: 8 }} dangerouslySetInnerHTML={{ __html: renderTextPanelMarkdown(panel.options!.content) }} />;
}

function Nothing({ panel, theme, width, height }: Drawing) {
  const text = String(panel.fieldConfig?.defaults.noValue ?? 'No data');
  return (
    <div style={{ width, height, display: 'flex', alignItems: 'center', justifyContent: 'center', color: theme.colors.text.secondary }}>
      {text}
    </div>
  );
}

const KINDS: Record<string, (drawing: Drawing) => React.ReactNode> = {
  stat: Stat,
  bargauge: Bars,
  timeseries: Lines,
  table: Table,
  text: Words,
  heatmap: Heatmap,
  'state-timeline': Strips,
  'status-history': Strips,
};

export const isEmpty = (frames: DataFrame[]) =>
  !frames.some((frame) => frame.fields.some(({ type, values }) => type !== FieldType.time && values.some((value) => value !== null)));

export function Picture(drawing: Drawing) {
  const { panel, frames } = drawing;
  const Kind = KINDS[panel.type];
  if (!Kind) {
    throw new Error(`there is no picture of a ${panel.type}`);
  }
  // A stat without data shows what its options say instead.
  return panel.type === 'text' || panel.type === 'stat' || !isEmpty(frames) ? <Kind {...drawing} /> : <Nothing {...drawing} />;
}
