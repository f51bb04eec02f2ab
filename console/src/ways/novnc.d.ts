// The part of noVNC that is used; it comes without types.
declare module '@novnc/novnc' {
  export default class RFB extends EventTarget {
    constructor(target: HTMLElement, channel: object);
    scaleViewport: boolean;
    focus(): void;
    disconnect(): void;
  }
}
