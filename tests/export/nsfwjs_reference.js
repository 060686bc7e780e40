// Runs NSFWJS in TensorFlow.js: node nsfwjs_reference.js MODEL.js SHARD.js PIXELS COUNT > probabilities as JSON.
// PIXELS holds COUNT pictures of 224 x 224 x 3 bytes, RGB.
const tf = require("@tensorflow/tfjs");
const fs = require("fs");

async function main([modelFile, shardFile, pixelFile, count]) {
  const model = require(modelFile);
  const weightData = new Uint8Array(Buffer.from(require(shardFile), "base64")).buffer;
  const weightSpecs = model.weightsManifest.flatMap((group) => group.weights);
  const handler = { load: async () => ({ modelTopology: model.modelTopology, weightSpecs, weightData }) };
  const net = await tf.loadLayersModel(handler);
  const pixels = tf.tensor(new Uint8Array(fs.readFileSync(pixelFile)), [Number(count), 224, 224, 3], "int32");
  const probabilities = net.predict(pixels.toFloat().div(255));
  console.log(JSON.stringify(await probabilities.array()));
}

main(process.argv.slice(2));
