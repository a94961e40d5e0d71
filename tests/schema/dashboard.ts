// A dashboard of this project in Grafana's own types: what Grafana leaves open (a panel's options,
// its own field settings, the values of overrides) is closed here by the types of each kind of panel.
import type * as grafana from '@grafana/schema';
import type * as bargauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as heatmap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as statetimeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as statushistory from '@grafana/schema/dist/esm/raw/composable/statushistory/panelcfg/x/StatusHistoryPanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as text from '@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

interface Source {
  type: 'prometheus';
  uid: '$datasource';
}

// The Prometheus data source's types are not in the package.
interface Query {
  datasource: Source;
  refId: string;
  expr: string;
  legendFormat?: string;
  // The least step.
  interval?: string;
  instant?: boolean;
  range?: boolean;
  format?: 'time_series' | 'table' | 'heatmap';
}

interface DataLink {
  title: string;
  url: string;
  targetBlank?: boolean;
}

type Property =
  | { id: 'color'; value: grafana.FieldColor }
  | { id: 'displayName' | 'unit'; value: string }
  | { id: 'links'; value: DataLink[] }
  | { id: 'mappings'; value: grafana.ValueMapping[] }
  | { id: 'min' | 'max'; value: number }
  | { id: 'thresholds'; value: grafana.ThresholdsConfig }
  | { id: 'custom.axisPlacement'; value: grafana.AxisPlacement }
  | { id: 'custom.cellOptions'; value: grafana.TableCellOptions }
  | { id: 'custom.fillOpacity' | 'custom.lineWidth' | 'custom.width'; value: number }
  | { id: 'custom.lineStyle'; value: grafana.LineStyle };

type Matcher =
  | { id: 'byName' | 'byRegexp' | 'byFrameRefID'; options: string };

interface Fields<Custom> {
  defaults: Omit<grafana.FieldConfig, 'custom' | 'links'> & { custom?: Partial<Custom>; links?: DataLink[] };
  overrides: Array<{ matcher: Matcher; properties: Property[] }>;
}

type Transformation =
  | { id: 'merge'; options: Record<string, never> }
  | {
      id: 'organize';
      options: {
        excludeByName: Record<string, boolean>;
        indexByName: Record<string, number>;
        renameByName: Record<string, string>;
      };
    }
  | {
      id: 'groupingToMatrix';
      options: { rowField: string; columnField: string; valueField: string; emptyValue: 'true' | 'false' | 'null' | 'zero' | 'empty' };
    };

type Common = Omit<
  grafana.Panel, 'type' | 'options' | 'fieldConfig' | 'targets' | 'datasource' | 'transformations' | 'id' | 'gridPos' | 'title'
> & { id: number; title: string; gridPos: grafana.GridPos; datasource?: Source; transformations?: Transformation[] };

type Of<Type extends string, Options, Custom> = Common & {
  type: Type;
  targets: Query[];
  options?: Partial<Options>;
  fieldConfig: Fields<Custom>;
};

// The last five are the Prometheus data source's own.
type Annotation = Omit<grafana.AnnotationQuery, 'datasource' | 'target'> & {
  datasource: Source;
  expr: string;
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
  step: string;
};

type Variable = Omit<grafana.VariableModel, 'datasource' | 'type'> & (
  | { type: 'datasource' | 'custom' }
  | { type: 'query'; datasource: Source; query: string }
);

// A panel is checked by its own type, and each for itself: a union of all says little when none fits.
export interface Checked {
  dashboard: Omit<grafana.Dashboard, 'panels' | 'annotations' | 'templating' | 'id'> & {
    uid: string;
    title: string;
    annotations: { list: Annotation[] };
    templating: { list: Variable[] };
    panels: unknown[];
  };
  panels: {
    bargauge: Of<'bargauge', bargauge.Options, Record<string, never>>;
    heatmap: Of<'heatmap', heatmap.Options, heatmap.FieldConfig>;
    row: Omit<grafana.RowPanel, 'panels' | 'title' | 'gridPos'> & {
      title: string;
      gridPos: grafana.GridPos;
      panels: unknown[];
    };
    stat: Of<'stat', stat.Options, Record<string, never>>;
    'state-timeline': Of<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>;
    'status-history': Of<'status-history', statushistory.Options, statushistory.FieldConfig>;
    table: Of<'table', table.Options, table.FieldConfig>;
    text: Common & { type: 'text'; options: Partial<text.Options> };
    timeseries: Of<'timeseries', timeseries.Options, timeseries.FieldConfig>;
  };
}
