/** A time axis for the kinds of panels that the package does not draw. */

import { dateTimeFormat } from '@grafana/data';

import { type Board } from './answers';

const STEPS = [60, 120, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
const PIXELS = 90;

export function place(board: Board, at: number, width: number): number {
  return ((at - board.from) / (board.to - board.from)) * width;
}

export function Axis({ board, left, width, top }: { board: Board; left: number; width: number; top: number }) {
  const span = board.to - board.from;
  const step = STEPS.find((step) => (step / span) * width >= PIXELS) ?? 86400;
  const ticks = [];
  for (let at = Math.ceil(board.from / step) * step; at <= board.to; at += step) {
    ticks.push(at);
  }
  return (
    <>
      {ticks.map((at) => (
        <div
          key={at}
          style={{ position: 'absolute', top, left: left + place(board, at, width) - 20, width: 40, textAlign: 'center', fontSize: 12 }}
        >
          {dateTimeFormat(at * 1000, { format: 'HH:mm' })}
        </div>
      ))}
    </>
  );
}
