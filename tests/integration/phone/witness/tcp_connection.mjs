// adb packets over TCP to a device's own adbd, as the library's daemon transport takes them.
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { AdbPacket, AdbPacketSerializeStream } from "@yume-chan/adb";
import { Consumable, pipeFrom, StructDeserializeStream } from "@yume-chan/stream-extra";

export async function openTcpConnection(host, port) {
  const socket = connect({ host, port, noDelay: true });
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  const { readable, writable } = Duplex.toWeb(socket);
  return {
    readable: readable.pipeThrough(new StructDeserializeStream(AdbPacket)),
    writable: pipeFrom(new Consumable.WrapWritableStream(writable), new AdbPacketSerializeStream()),
    close: () => socket.destroy(),
  };
}
