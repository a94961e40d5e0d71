/** Draws the dashboard that /board.json holds. */

import { type DataFrame, type GrafanaTheme2, type TimeRange, EventBusSrv, createTheme, dateTime } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles, PanelChrome, PanelContextProvider, ThemeContext } from '@grafana/ui';
import { Component, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import 'uplot/dist/uPlot.min.css';

import { type Board, type Panel } from './answers';
import { dressed, prepare } from './fields';
import { framesOf } from './frames';
import { Picture, isEmpty } from './panel';

const COLUMNS = 24;
const ROW = 30;
const MARGIN = 8;
const HEAD = 92;

declare global {
  interface Window {
    problems: string[];
    done?: boolean;
  }
}
window.problems = [];

class Guard extends Component<{ name: string; children: ReactNode }, { failed: boolean }> {
  state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  componentDidCatch(error: Error) {
    window.problems.push(`${this.props.name}: ${error.stack}`);
  }

  render() {
    return this.state.failed ? <div>failed</div> : this.props.children;
  }
}

function Head({ board, theme, width }: { board: Board; theme: GrafanaTheme2; width: number }) {
  const box = { padding: '4px 10px', border: `1px solid ${theme.colors.border.medium}`, borderRadius: 2 };
  return (
    <div style={{ position: 'absolute', left: MARGIN, top: MARGIN, width: width - 2 * MARGIN, height: HEAD - MARGIN, color: theme.colors.text.primary }}>
      <div style={{ display: 'flex', justifyContent: 'space-between', fontSize: 18 }}>
        <span>{board.title}</span>
        <span style={{ fontSize: 12, color: theme.colors.text.secondary }}>{board.note}</span>
      </div>
      <div style={{ display: 'flex', gap: 12, marginTop: 14, fontSize: 13 }}>
        {board.variables.map(({ label, value }) => (
          <span key={label}>
            <span style={{ ...box, background: theme.colors.background.secondary }}>{label}</span>
            <span style={box}>{value}</span>
          </span>
        ))}
        <span style={{ marginLeft: 'auto', color: theme.colors.text.link }}>{board.links.join(' · ')}</span>
      </div>
    </div>
  );
}

function place(panel: Panel, width: number) {
  const { x, y, w, h } = panel.gridPos;
  const column = (width - MARGIN) / COLUMNS;
  return {
    left: MARGIN + x * column,
    top: HEAD + y * (ROW + MARGIN),
    width: w * column - MARGIN,
    height: h * ROW + (h - 1) * MARGIN,
  };
}

interface Drawn {
  panel: Panel;
  frames: DataFrame[];
}

function Page({ board, drawn, theme }: { board: Board; drawn: Drawn[]; theme: GrafanaTheme2 }) {
  const width = document.documentElement.clientWidth;
  const range: TimeRange = {
    from: dateTime(board.from * 1000),
    to: dateTime(board.to * 1000),
    raw: { from: 'now-24h', to: 'now' },
  };
  const bottom = Math.max(...board.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  return (
    <div style={{ position: 'relative', width, height: HEAD + bottom * (ROW + MARGIN) }}>
      <Head board={board} theme={theme} width={width} />
      {drawn.map(({ panel, frames }) => {
        const { left, top, width: wide, height } = place(panel, width);
        return (
          <div key={panel.id} data-panel={panel.title} data-kind={panel.type} data-empty={isEmpty(frames)} style={{ position: 'absolute', left, top, width: wide, height }}>
            <Guard name={panel.title}>
              {panel.type === 'row' ? (
                <div style={{ fontSize: 16, color: theme.colors.text.primary }}>▾ {panel.title}</div>
              ) : (
                <PanelChrome title={panel.title} description={panel.description} width={wide} height={height} padding={panel.type === 'table' ? 'none' : 'md'}>
                  {(width, height) => <Picture {...{ panel, board, frames, theme, range, width, height }} />}
                </PanelChrome>
              )}
            </Guard>
          </div>
        );
      })}
    </div>
  );
}

async function main() {
  await initPluginTranslations('preview');
  prepare();
  const board: Board = await (await fetch('/board.json')).json();
  const theme = createTheme({ colors: { mode: 'dark' } });
  const drawn = await Promise.all(
    board.panels.map(async (panel) => ({ panel, frames: await dressed(panel, framesOf(panel), theme) }))
  );
  const context = { eventsScope: 'preview', eventBus: new EventBusSrv() };
  createRoot(document.getElementById('root')!).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PanelContextProvider value={context}>
        <Page board={board} drawn={drawn} theme={theme} />
      </PanelContextProvider>
    </ThemeContext.Provider>
  );
  // Two frames of animation: layout, then canvases.
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => (window.done = true), 500)));
}

main().catch((error) => {
  window.problems.push(String(error.stack));
  window.done = true;
});
