/** Data frames of Prometheus' answers, as Grafana's data source makes them. */

import { type DataFrame, type Field, FieldType, createDataFrame } from '@grafana/data';

import { type Panel, type Query, type Series } from './answers';

const number = (text: string) => (text === 'NaN' ? null : Number(text.replace('Inf', 'Infinity')));

function named(legend: string, labels: Record<string, string>): string {
  if (legend) {
    return legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '');
  }
  const { __name__: name = '', ...rest } = labels;
  const pairs = Object.entries(rest).map(([label, value]) => `${label}="${value}"`);
  return `${name}{${pairs.join(', ')}}`;
}

function lines(query: Query, interval: number): DataFrame[] {
  return query.series.map(({ metric, values }) => {
    const { __name__: _, ...labels } = metric;
    return createDataFrame({
      refId: query.refId,
      fields: [
        // Without the interval, a line would be drawn over what is missing.
        { name: 'Time', type: FieldType.time, values: values.map(([at]) => at * 1000), config: { interval } },
        {
          name: 'Value',
          type: FieldType.number,
          labels,
          values: values.map(([, value]) => number(value)),
          config: { displayNameFromDS: named(query.legend, metric) },
        },
      ],
    });
  });
}

function table(query: Query, alone: boolean): DataFrame[] {
  const rows = query.series;
  if (rows.length === 0) {
    return [];
  }
  const last = (row: Series) => row.values[row.values.length - 1];
  const labels = [...new Set(rows.flatMap((row) => Object.keys(row.metric)))].sort();
  const text = (name: string): Partial<Field> & { name: string } => ({
    name,
    type: FieldType.string,
    config: { filterable: true },
    values: rows.map((row) => row.metric[name] ?? ''),
  });
  return [
    createDataFrame({
      refId: query.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: rows.map((row) => last(row)[0] * 1000) },
        ...labels.map(text),
        {
          name: alone ? 'Value' : `Value #${query.refId}`,
          type: FieldType.number,
          values: rows.map((row) => number(last(row)[1])),
        },
      ],
    }),
  ];
}

export function framesOf(panel: Panel): DataFrame[] {
  const alone = panel.queries.length === 1;
  return panel.queries.flatMap((query) =>
    query.kind === 'table' ? table(query, alone) : lines(query, panel.interval * 1000)
  );
}
