import { useRef } from "react";
import type { Field } from "../wire";
import { rangeOf } from "./sliding";
import "./slider.css";

interface SliderProps {
  field: Field;
  value: unknown;
  /** A new value; `continues` while the slider is held, so that all of that is one step. */
  onSlide: (value: number, continues: boolean) => void;
}

/** A slider for a number that has a smallest and a largest value; nothing for other fields. */
export function Slider({ field, value, onSlide }: SliderProps) {
  const held = useRef(false);
  const range = rangeOf(field);
  if (!range) return null;
  const letGo = () => {
    held.current = false;
  };
  return (
    <input
      className="fl-slider"
      type="range"
      min={range.minimum}
      max={range.maximum}
      step={range.step}
      aria-label={`${field.name}, slider`}
      data-testid={`slider-${field.name}`}
      value={typeof value === "number" ? value : range.minimum}
      data-unset={typeof value !== "number" || undefined}
      onChange={({ target }) => {
        onSlide(Number(target.value), held.current);
        held.current = true;
      }}
      onPointerUp={letGo}
      onKeyUp={letGo}
      onBlur={letGo}
    />
  );
}
