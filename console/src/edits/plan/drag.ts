// Dragging by pointer events: mouse, pen and finger alike. Where something falls is read from what lies under the
// pointer: lists carry data-list, their items data-key, groups data-group.
import { useEffect, useRef, useState, type PointerEvent } from 'react';

export type Dragged = { key: string; isGroup: boolean };
/** Before which item or group it falls (null: behind the last one); of an item also into which list. */
export type Fall = { list: string; before: string | null };
type Pointer = { x: number; y: number };

const EDGE_PIXELS = 60;
const STEP_PIXELS = 10;
const SCROLLER = '.pf-v6-c-modal-box__body';

function fallAt({ isGroup }: Dragged, { x, y }: Pointer): Fall | undefined {
  const under = document.elementFromPoint(x, y);
  const name = isGroup ? 'data-group' : 'data-key';
  const list = under?.closest('[data-list]')?.getAttribute('data-list') ?? '';
  const item = under?.closest(`[${name}]`);
  if (isGroup ? !item : !list) return undefined;
  const box = item?.getBoundingClientRect();
  const following = box && y > box.top + box.height / 2 ? item!.nextElementSibling : item;
  return { list, before: following?.getAttribute(name) ?? null };
}

/** At the upper or lower edge of what scrolls, it scrolls. */
function scrollAt({ y }: Pointer) {
  const scroller = document.querySelector(SCROLLER);
  const box = scroller?.getBoundingClientRect();
  if (!box) return;
  if (y < box.top + EDGE_PIXELS) scroller!.scrollBy(0, -STEP_PIXELS);
  if (y > box.bottom - EDGE_PIXELS) scroller!.scrollBy(0, STEP_PIXELS);
}

export function useDrag(drop: (what: Dragged, to: Fall) => void) {
  const [dragged, setDragged] = useState<Dragged>();
  const [fall, setFall] = useState<Fall>();
  const pointer = useRef<Pointer>({ x: 0, y: 0 });
  const end = () => {
    setDragged(undefined);
    setFall(undefined);
  };
  useEffect(() => {
    if (!dragged) return;
    let frame = requestAnimationFrame(function follow() {
      scrollAt(pointer.current);
      const to = fallAt(dragged, pointer.current);
      setFall((former) => (former?.list === to?.list && former?.before === to?.before ? former : to));
      frame = requestAnimationFrame(follow);
    });
    // Escape ends the drag, and is not heard by the dialog.
    const key = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      end();
    };
    addEventListener('keydown', key, true);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener('keydown', key, true);
    };
  }, [dragged]);
  const at = (event: PointerEvent) => (pointer.current = { x: event.clientX, y: event.clientY });
  /** What the handle of something listens to. */
  const handle = (what: Dragged) => ({
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      at(event);
      setDragged(what);
    },
    onPointerMove: at,
    onPointerUp: (event: PointerEvent) => {
      const to = dragged?.key === what.key && fallAt(what, at(event));
      if (to) drop(what, to);
      end();
    },
    onPointerCancel: end,
  });
  return { dragged, fall, handle };
}
