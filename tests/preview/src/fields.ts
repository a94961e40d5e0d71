/** What a panel's field options and overrides make of its frames. */

import {
  type DataFrame,
  type DataTransformerInfo,
  type FieldConfigPropertyItem,
  type FieldConfigSource,
  type GrafanaTheme2,
  type InterpolateFunction,
  type TransformerRegistryItem,
  FieldColorModeId,
  FieldConfigOptionsRegistry,
  applyFieldOverrides,
  cacheFieldDisplayNames,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  getFieldSeriesColor,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  transformDataFrame,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { firstValueFrom } from 'rxjs';

import { type Panel } from './answers';

type Process = FieldConfigPropertyItem['process'];

const PROCESSORS: Record<string, Process> = {
  unit: unitOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor,
  noValue: stringOverrideProcessor,
  color: identityOverrideProcessor,
  links: dataLinksOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
};

const item = (id: string, path: string, isCustom: boolean, process: Process): FieldConfigPropertyItem => ({
  id,
  path,
  name: id,
  isCustom,
  process,
  shouldApply: () => true,
  override: () => null,
  editor: () => null,
});

export function prepare(): void {
  // Some are there under two names.
  const transformations = new Map(
    Object.values(standardTransformers).map((each: DataTransformerInfo): [string, DataTransformerInfo] => [each.id, each])
  );
  standardTransformersRegistry.setInit(() =>
    [...transformations.values()].map(
      (each): TransformerRegistryItem => ({
        id: each.id,
        name: each.name,
        transformation: async () => each,
        editor: () => null,
        imageDark: '',
        imageLight: '',
      })
    )
  );
  standardFieldConfigEditorRegistry.setInit(() =>
    Object.entries(PROCESSORS).map(([id, process]) => item(id, id, false, process))
  );
}

/** The options of panels' own kinds that any override names. */
function registry(source: FieldConfigSource): FieldConfigOptionsRegistry {
  const own = new Set(
    source.overrides.flatMap((override) => override.properties.map(({ id }) => id)).filter((id) => id.startsWith('custom.'))
  );
  for (const key of Object.keys(source.defaults.custom ?? {})) {
    own.add(`custom.${key}`);
  }
  return new FieldConfigOptionsRegistry(() => [
    ...Object.entries(PROCESSORS).map(([id, process]) => item(id, id, false, process)),
    ...[...own].map((id) => item(id, id.slice('custom.'.length), true, identityOverrideProcessor)),
  ]);
}

export async function dressed(panel: Panel, frames: DataFrame[], theme: GrafanaTheme2): Promise<DataFrame[]> {
  const transformed = await firstValueFrom(transformDataFrame(panel.transformations ?? [], frames));
  const fieldConfig = structuredClone(panel.fieldConfig ?? { defaults: {}, overrides: [] });
  const found = applyFieldOverrides({
    data: transformed,
    fieldConfig,
    fieldConfigRegistry: registry(fieldConfig),
    replaceVariables: withLabels,
    theme,
    timeZone: 'browser',
  });
  cacheFieldDisplayNames(found);
  for (const field of found.flatMap((frame) => frame.fields)) {
    // Where frames are joined for a plot, names are forgotten, and with them the colours.
    if (field.config.color?.mode === FieldColorModeId.PaletteClassicByName) {
      field.config.color = { mode: FieldColorModeId.Fixed, fixedColor: getFieldSeriesColor(field, theme).color };
    }
  }
  return found;
}

/** In texts, only a series' own labels are put in: the rest is in place already. */
export const withLabels: InterpolateFunction = (text, scoped) =>
  text.replace(/\$\{__field\.labels\.(\w+)\}/g, (_, label) => scoped?.__dataContext?.value.field.labels?.[label] ?? '');
