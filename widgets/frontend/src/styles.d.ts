/** Styles are imported for their effect: esbuild gathers them into flowloom.css. */
declare module "*.css";
