/** A module of this folder that threads load, as source (`.ts`) or as built (`.js`). */
export function siblingModule(name: string): URL {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
  return new URL(`./${name}${extension}`, import.meta.url)
}
