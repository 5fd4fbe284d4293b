/** The code of a worker, bundled as text by build.mjs: anywidget takes one module, so a worker begins from a blob. */
declare module "worker:*" {
  const source: string;
  export default source;
}
