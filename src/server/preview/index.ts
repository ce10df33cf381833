/**
 * Previews: what a file in a backup holds, to look at before it is put back. A *preview* is made by a *reader*, which runs
 * in a *reading process* of its own within *limits*; what it finds is an *answer*, plain values.
 */
export { compareText } from './compare-text.ts'
export { PreviewError } from './errors.ts'
export { previewLimits } from './limits.ts'
export type { PreviewLimits } from './limits.ts'
export { preview } from './preview.ts'
export type { FileToPreview, MadePreview, PreviewOptions } from './preview.ts'
export { Previews } from './previews.ts'
export type { PreviewsOptions } from './previews.ts'
