// What is measured within the page. Times are in milliseconds of performance.now(), as those of events are.
(() => {
  const frames = { on: false, times: [] };
  const tick = (now) => {
    if (!frames.on) return;
    frames.times.push(now);
    requestAnimationFrame(tick);
  };

  // From a worker that begins to its last message.
  const workers = [];
  const Plain = window.Worker;
  window.Worker = class extends Plain {
    constructor(...args) {
      super(...args);
      const begun = performance.now();
      this.addEventListener("message", ({ data }) => {
        if (typeof data === "object") workers.push(performance.now() - begun);
      });
    }
  };

  window.recorder = {
    workers,
    startFrames() {
      frames.times = [];
      frames.on = true;
      requestAnimationFrame(tick);
    },
    stopFrames() {
      frames.on = false;
      return frames.times.slice(1).map((time, i) => time - frames.times[i]);
    },
    // Milliseconds from the next event of a type that `begins` takes until `shown`, and to the end of the frame with it.
    from(type, begins, shown) {
      return new Promise((done, fail) => {
        setTimeout(() => fail(new Error(`no ${type} brought about ${shown}`)), 20_000);
        const begin = (event) => {
          if (!begins(event)) return;
          document.removeEventListener(type, begin, true);
          const look = () => {
            if (!shown()) return false;
            observer.disconnect();
            const there = performance.now() - event.timeStamp;
            const { port1, port2 } = new MessageChannel(); // hears after the frame has been drawn
            port1.onmessage = () => done({ there, drawn: performance.now() - event.timeStamp });
            requestAnimationFrame(() => port2.postMessage(null));
            return true;
          };
          const observer = new MutationObserver(look);
          if (!look()) observer.observe(document.body, { attributes: true, characterData: true, childList: true, subtree: true });
        };
        document.addEventListener(type, begin, true);
      });
    },
  };
})();
