import { serveThread } from '#base'
import { placeFile, type Placing } from './place.ts'

/** The thread in which uploads get their names. */
serveThread({ place: (placing: Placing) => placeFile(placing) })
