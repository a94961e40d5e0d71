/** What a dashboard's queries returned, as tests/preview/boards.py puts it together. */

import { type FieldConfigSource } from '@grafana/data';

export interface Series {
  metric: Record<string, string>;
  values: Array<[number, string]>;
}

export interface Query {
  refId: string;
  legend: string;
  kind: 'lines' | 'table' | 'heatmap';
  series: Series[];
}

/** A panel as it is in the dashboard's file, placed, with its variables put in. */
export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig?: FieldConfigSource;
  /** Of its kind: what they hold is known where the kind is drawn. */
  options?: Record<string, any>;
  transformations?: Array<{ id: string; options: Record<string, unknown> }>;
  interval: number;
  queries: Query[];
}

export interface Annotation {
  time: number;
  text: string;
  color: string;
}

export interface Board {
  title: string;
  note: string;
  variables: Array<{ label: string; value: string }>;
  links: string[];
  from: number;
  to: number;
  annotations: Annotation[];
  panels: Panel[];
}
