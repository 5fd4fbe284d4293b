const shapes = {
  train: "M4 2.5v11l9-5.5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  step: "M3 2.5v11l7-5.5zM11 3h2v10h-2z",
  stop: "M3.5 3.5h9v9h-9z",
};

/** A small sign beside a button's words. */
export function Icon({ shape }: { shape: keyof typeof shapes }) {
  return (
    <svg width="12" height="12" viewBox="0 0 16 16" fill="currentColor" aria-hidden="true">
      <path d={shapes[shape]} />
    </svg>
  );
}
